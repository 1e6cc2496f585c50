// Every word that the panel shows, in one place. A host that speaks another language assigns its own:
// Object.assign(STRINGS, { locale: "pt", jobs: "Trabalhos" }) before the elements are on the page.

export const STRINGS = {
  locale: "en",
  title: "Backfills",
  noScript: "The panel needs JavaScript; what it shows can be had without at",

  // --- numbers, times and days
  none: "–",
  /** @param {string} number */
  percent: (number) => `${number} %`,
  /** @param {string} number */
  atLeast: (number) => `≥ ${number}`,
  time: { day: "d", hour: "h", minute: "min", second: "s" },
  sizes: ["B", "kB", "MB", "GB", "TB"],
  /** @param {string} number @param {string} unit */
  quantity: (number, unit) => `${number} ${unit}`,
  /** @param {string} first @param {string} last */
  range: (first, last) => `${first} – ${last}`,
  /** @param {string} some @param {string} total */
  amongOthers: (some, total) => `${some}, … (${total})`,

  // --- everywhere
  views: { jobs: "Jobs", start: "New backfill", coverage: "Coverage" },
  connection: {
    connecting: "Connecting…",
    live: "Live",
    polling: "Updated from time to time",
    offline: "No answer from the server; trying again…",
  },
  status: {
    queued: "Queued",
    processing: "Running",
    paused: "Paused",
    complete: "Complete",
    partial_success: "Partly done",
    error: "Failed",
    cancelled: "Cancelled",
  },
  unit: { pending: "To do", completed: "Stored", skipped: "Stored before", unavailable: "Not published", failed: "Failed" },
  cell: { full: "Full", summary: "Summary only", partial: "To be completed", failed: "Failed", unavailable: "Not published", "never-tried": "Never tried", damaged: "Damaged" },
  noUnit: "Not part of this job",
  gap: {
    closing: "inside another month's closing",
    "never-existed": "never existed",
    "not-published-yet": "not published yet",
    "no-such-as-of": "has no edition of its own",
    unknown: "its list is empty",
  },
  stage: { list: "Listing the day", fetch: "Fetching", validate: "Checking", transform: "Reading", store: "Storing" },
  advice: {
    retry: "Another attempt may succeed: retry what failed.",
    list: "The publisher's list of this day cannot be had; another attempt will not help before it is mended.",
    fetch: "The publisher refuses; look at the message before asking again.",
    validate: "What came is not what was asked for; look at the message.",
    transform: "What came cannot be read; the source has to be mended.",
    store: "It could not be written; look at the disk and its permissions.",
  },
  method: { "system-wide": "one report for all districts", "per-district": "a call for each district", targeted: "a call for several districts" },
  breaker: { closed: "closed: requests pass", open: "open: nothing is sent", "half-open": "half-open: one request tries" },

  // --- jobs
  noJobs: "There are no backfills yet.",
  startFirst: "Start one",
  loading: "Loading…",
  filterLabel: "Show",
  filterAll: "All",
  filterActive: "Not ended",
  filterEnded: "Ended",
  older: "Show older ones",
  columns: { job: "Backfill", status: "Status", progress: "Progress", created: "Accepted" },
  allDistricts: "All districts",
  /** @param {readonly string[]} names */
  districts: (names) => (names.length === 1 ? `District ${names[0]}` : names.length <= 4 ? `Districts ${names.join(", ")}` : `${names.length} districts`),
  /** @param {string} what @param {string} when */
  open: (what, when) => `${what}, accepted ${when}`,
  back: "← All backfills",
  goneTitle: "This backfill cannot be shown",

  // --- one job
  actions: { cancel: "Cancel", pause: "Pause", resume: "Resume", retry: "Retry what failed" },
  confirmCancel: "Cancel this backfill? What is collected stays stored.",
  confirmYes: "Yes, cancel it",
  confirmNo: "Keep it",
  /** @param {string} done @param {string} total @param {boolean} estimate */
  progressOf: (done, total, estimate) => `${done} of ${estimate ? "about " : ""}${total} done`,
  /** @param {string} time */
  eta: (time) => `about ${time} left`,
  etaUnknown: "time left not known yet",
  /** @param {string} time */
  took: (time) => `took ${time}`,
  /** @param {string} days */
  inWork: (days) => `In work: ${days}`,
  facts: { created: "Accepted", started: "Began", completed: "Ended", strategy: "Collected by", why: "Because", snapshots: "Days stored", partial: "Days with gaps", id: "Identifier" },
  excludedTitle: "Left out",
  doubtfulTitle: "Not confirmed",
  /** @param {readonly string[]} names */
  didYouMean: (names) => (names.length ? `Did you mean ${names.join(" or ")}?` : ""),
  mapTitle: "Days × districts",
  mapKeys: "Arrow keys move from cell to cell.",
  /** @param {string} days @param {string} districts */
  mapSize: (days, districts) => `${days} days, ${districts} districts`,
  /** @param {string} day @param {string} district @param {string} state */
  mapCell: (day, district, state) => `${day}, district ${district}: ${state}`,
  mapNone: "No districts are known yet.",
  mapTable: "The same as a table",
  /** @param {number} count */
  unlisted: (count) => `${count} ${count === 1 ? "day is" : "days are"} not listed yet`,
  districtTitle: "Progress of each district",
  district: "District",
  daysOf: "Days",
  day: "Day",
  noDay: "the day as a whole",
  errorsTitle: "What failed",
  noErrors: "Nothing failed.",
  /** @param {string} count @param {string} kind */
  group: (count, kind) => `${count} × ${kind}`,
  mayRetry: "can be retried",
  mayNotRetry: "cannot be retried",
  errorColumns: { district: "District", day: "Day", attempts: "Attempts", message: "Message" },
  /** @param {string} shown @param {string} total */
  errorsShown: (shown, total) => `Showing ${shown} of ${total}`,
  moreErrors: "Load all failures",
  findingsTitle: "Noticed",
  machineTitle: "Protection at work",
  machineNone: "Not known: another process carries out this job, or its source does not fetch.",
  machine: { requests: "Requests sent", retries: "of them repeated", reused: "Served from the archive", shared: "Shared in flight", received: "Received", rate: "Limit" },
  hostsTitle: "Hosts",
  hostColumns: { host: "Host", flight: "In flight", waiting: "Waiting", rate: "Limit", breaker: "Breaker", parked: "Left alone for" },
  /** @param {string} rate */
  perSecond: (rate) => `${rate} a second`,
  noLimit: "none",
  /** @param {string} some @param {string} of */
  ofLimit: (some, of) => `${some} of ${of}`,
  /** @param {string} share */
  cacheShare: (share) => `${share} of the documents needed no request`,

  // --- start
  startTitle: "Start a backfill",
  startButton: "Start this backfill",
  starting: "Starting…",
  more: "More options",
  field: {
    startDate: "First day",
    endDate: "Last day",
    targetDistricts: "Districts",
    collectionType: "Collect by",
    detail: "Detail",
    concurrency: "At once",
    retryFailures: "Try again what fails",
    skipExisting: "Skip what is stored",
    enableCaching: "Use documents fetched before",
    minIntervalSeconds: "Seconds between requests",
    frequency: "Which days",
    order: "Order",
    maxFailures: "Pause after so many failures",
  },
  hint: {
    startDate: "",
    endDate: "The same as the first day if left empty.",
    targetDistricts: "Separated by commas or spaces; empty = all in scope.",
    collectionType: "Automatic takes the cheapest way.",
    detail: "Automatic is full for named districts, a summary for all.",
    concurrency: "Districts, or days, in work at the same time.",
    retryFailures: "Otherwise one attempt for each document.",
    skipExisting: "Otherwise stored days are collected again.",
    enableCaching: "Otherwise the publisher is asked anew.",
    minIntervalSeconds: "On top of the publisher's limit; empty = none.",
    frequency: "Of the range above.",
    order: "In which the days are collected.",
    maxFailures: "Empty = go on whatever fails.",
  },
  choice: {
    auto: "Automatic",
    "system-wide": "System-wide report",
    "per-district": "District by district",
    summary: "Summary",
    full: "Full",
    daily: "Every day",
    weekly: "Every week",
    "month-end": "Ends of months",
    "newest-first": "Newest first",
    "oldest-first": "Oldest first",
  },
  planTitle: "What it will do",
  planNeedsDates: "Enter the first day to see what would be done.",
  planning: "Working it out…",
  planStale: "The plan has changed meanwhile; this is the new one. Look at it, then start again.",
  plan: {
    days: "Days",
    gaps: "Known gaps",
    units: "Units (day × district)",
    existing: "Stored already",
    requests: "Requests",
    time: "At the allowed rate",
    strategy: "Collected by",
    why: "Because",
  },
  planNothing: "Nothing is left to do: everything that can be had is stored.",
  planInexact: "Estimates: some days have still to be listed.",
  unknown: "not known beforehand",
  fixFirst: "Mend what is marked first.",

  // --- coverage
  coverageTitle: "What is stored, and what is missing",
  coverageShow: "Show",
  coverageFirst: "Choose a range of days.",
  coverageEmpty: "Nothing was ever collected in this range, and no districts are configured.",
  /** @param {string} count */
  fillGaps: (count) => (count === "1" ? "Fill the gap" : `Fill ${count} gaps`),
  noGaps: "No gaps.",

  // --- problems and announcements
  dismiss: "Dismiss",
  /** @param {string} id */
  requestId: (id) => `Request ${id}`,
  unreachable: { title: "The server cannot be reached", detail: "no answer came", remedy: "it will be asked again; what was started goes on" },
  notebook: {
    connection: { connecting: "Waiting for the kernel…", offline: "The kernel has gone; this is what was known last" },
    unreachable: { title: "The kernel has gone", detail: "it was stopped, or started anew", remedy: "run the cell again" },
  },
  /** @param {string} status */
  announce: (status) => `The backfill is now: ${status}`,
  /** @param {string} percent */
  announceProgress: (percent) => `${percent} done`,

  // --- button
  button: { idle: "Backfill", starting: "Starting…", cancel: "Cancel" },
  /** @param {string} percent */
  buttonRunning: (percent) => `${percent} done`,
};
