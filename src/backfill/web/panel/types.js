// What stands on the wire. Made of the published document by `python -m backfill.web.panel.typedefs`; a test holds the two together.

/**
 * Exactly what a job will do.
 * @typedef {object} BackfillPlan
 * @property {BackfillRequest} request The request that it answers.
 * @property {BackfillScope} scope The districts that it may touch, and those left out.
 * @property {CollectionStrategy} strategy How the days are collected, and why.
 * @property {string} source The name of the source.
 * @property {readonly (PlannedDay)[]} days Every day in the order of work, known gaps included.
 * @property {Readonly<Record<string, number | null>>} requests Documents to request per report; `null` = not known beforehand.
 * @property {number | null} secondsAtRate Seconds that the known requests need under the rate limit; `null` = not known.
 * @property {boolean} exact Whether total and requests are counts and not estimates.
 * @property {string} fingerprint Equal for plans that would do the same.
 */

/**
 * What became of a job so far.
 * @typedef {object} BackfillReport
 * @property {string} backfillId The job's identifier.
 * @property {BackfillStatus} status Its state.
 * @property {string | null} statusReason Why it is in that state, where there is more to say.
 * @property {BackfillScope} scope The districts it may touch, and the targets left out.
 * @property {CollectionStrategy} collectionStrategy How it collects, and why.
 * @property {Progress} progress How far it is.
 * @property {readonly (string)[]} snapshotIds The days it has stored, in ISO form, in the order of their publishing.
 * @property {string | null} error Why the job as a whole failed, or `null`.
 * @property {readonly (ErrorGroup)[]} errorSummary The failures, grouped by cause, most frequent first.
 * @property {readonly (DistrictError)[]} errors The newest 1,000 failures, oldest first; `BackfillService.errors` pages through all.
 * @property {number} errorsTotal How many there are.
 * @property {readonly (string)[]} partialSnapshots The days it stored of which districts are missing because they failed.
 * @property {readonly (Finding)[]} findings What readers of the data should know (the newest 1,000).
 * @property {FetchStatus | null} performanceStatus The protective machinery at work: limits, breaker, cache. As it is now while the job runs or waits in this process, as it was at its rest afterwards; `null` = another process worked on it, or the source does not fetch.
 * @property {string} createdAt When the job was accepted (aware, UTC).
 * @property {string | null} startedAt When its work began.
 * @property {string | null} completedAt When it reached a final state.
 */

/**
 * A range of past days, for some districts or all, and how to collect them.
 * @typedef {object} BackfillRequest
 * @property {string} startDate First day: "YYYY-MM-DD".
 * @property {string | null} [endDate] Last day, inclusive; `null` = the first day alone.
 * @property {readonly (string)[] | null} [targetDistricts] Which districts; `null` = all in the configured scope.
 * @property {CollectionType} [collectionType] `"auto"` lets the selector choose the cheapest way.
 * @property {Detail} [detail] `"auto"` = full for named districts, a summary for all of them.
 * @property {number} [concurrency] Districts (or days, where one call serves a day) in work at once, 1 to 64.
 * @property {boolean} [retryFailures] `false` = one attempt a document.
 * @property {boolean} [skipExisting] Do not collect again what is stored, settled and of sufficient detail.
 * @property {boolean} [enableCaching] `false` = ask the publisher anew, once, even for what is archived.
 * @property {number | null} [minIntervalSeconds] Seconds between this job's requests, on top of the host's limit.
 * @property {Frequency} [frequency] `"daily"`, `"weekly"` (start + 7k) or `"month-end"`.
 * @property {Order} [order] `"newest-first"` or `"oldest-first"`.
 * @property {number | null} [maxFailures] The job pauses once so many units have failed since it was started, or last resumed; `null` = it goes on.
 */

/**
 * The districts that a request may touch.
 * @typedef {object} BackfillScope
 * @property {ScopeKind} kind All of the scope, several named districts, or one.
 * @property {readonly (string)[] | null} districts Which; `null` = every district that existed on each day.
 * @property {readonly (Doubt)[]} excluded Targets left out, each with the reason and suggestions.
 * @property {readonly (Doubt)[]} doubtful Targets kept although no stored day has them, each with suggestions.
 */

/**
 * A request, and under which condition to start it.
 * @typedef {object} BackfillStart
 * @property {string} startDate First day: "YYYY-MM-DD".
 * @property {string | null} [endDate] Last day, inclusive; `null` = the first day alone.
 * @property {readonly (string)[] | null} [targetDistricts] Which districts; `null` = all in the configured scope.
 * @property {CollectionType} [collectionType] `"auto"` lets the selector choose the cheapest way.
 * @property {Detail} [detail] `"auto"` = full for named districts, a summary for all of them.
 * @property {number} [concurrency] Districts (or days, where one call serves a day) in work at once, 1 to 64.
 * @property {boolean} [retryFailures] `false` = one attempt a document.
 * @property {boolean} [skipExisting] Do not collect again what is stored, settled and of sufficient detail.
 * @property {boolean} [enableCaching] `false` = ask the publisher anew, once, even for what is archived.
 * @property {number | null} [minIntervalSeconds] Seconds between this job's requests, on top of the host's limit.
 * @property {Frequency} [frequency] `"daily"`, `"weekly"` (start + 7k) or `"month-end"`.
 * @property {Order} [order] `"newest-first"` or `"oldest-first"`.
 * @property {number | null} [maxFailures] The job pauses once so many units have failed since it was started, or last resumed; `null` = it goes on.
 * @property {string | null} [planFingerprint] Start only if the request would still be planned as in the plan of this fingerprint.
 */

/**
 * @typedef {"queued" | "processing" | "paused" | "complete" | "partial_success" | "error" | "cancelled"} BackfillStatus
 */

/**
 * @typedef {"full" | "summary" | "partial" | "failed" | "unavailable" | "never-tried" | "damaged"} CellState
 */

/**
 * @typedef {StatusChanged | DayListed | UnitsSettled | UnitFailed | UnitAttempted | DayPublished | Found} Change
 */

/**
 * @typedef {"set" | "add" | "remove" | "clear"} ChangeAction
 */

/**
 * The selector's choice for a job, with its reason.
 * @typedef {object} CollectionStrategy
 * @property {Method} method One call a day for all, one call a district, or one call a day for several.
 * @property {string} detail What a record must hold to be worth skipping: `"summary"` or `"full"`.
 * @property {string} rationale Why this method, in a sentence; stored with the job.
 */

/**
 * @typedef {"auto" | "system-wide" | "per-district"} CollectionType
 */

/**
 * The districts that may be collected.
 * @typedef {object} Configuration
 * @property {readonly (string)[] | null} districts They; `null` = nothing is configured, every district is in scope.
 * @property {readonly (ConfigurationChange)[]} history The newest hundred changes, newest first.
 */

/**
 * One change of a configuration.
 * @typedef {object} ConfigurationChange
 * @property {string} at When (aware, UTC).
 * @property {ChangeAction} action What was done.
 * @property {readonly (string)[] | null} before The districts configured before; `null` = nothing was, every district was in scope.
 * @property {readonly (string)[] | null} after The districts configured since; `null` = as above.
 * @property {string | null} by Who did it, where they said so.
 * @property {string | null} note Why, where they said so.
 */

/**
 * The districts to configure.
 * @typedef {object} Configuring
 * @property {readonly (string)[] | null} districts Exactly these; `null` = none, so that every district is in scope.
 * @property {string | null} [by] Who changes it, for the history.
 * @property {string | null} [note] Why, for the history.
 */

/**
 * One day of a coverage.
 * @typedef {object} CoverageRow
 * @property {string} day The day.
 * @property {string | null} gap Why the publisher is known not to have it, or `null`.
 * @property {readonly (number)[]} cells For each district, in the order of `CoverageView.districts`, the position of its state in `CoverageView.states`.
 */

/**
 * A coverage in its short form.
 * @typedef {object} CoverageView
 * @property {string} start First day.
 * @property {string} end Last day, inclusive.
 * @property {Frequency} frequency Which days of the range were looked at.
 * @property {readonly (string)[]} districts The districts looked at.
 * @property {readonly (CellState)[]} states What is known of a (day, district); cells count from 0 in this list.
 * @property {readonly (CoverageRow)[]} rows A row for each day, ascending.
 * @property {Readonly<Record<string, number>>} counts How many (day, district) are in each state.
 */

/**
 * A day's districts became known; the one unit that stood for the day becomes one for each.
 * @typedef {object} DayListed
 * @property {"day-listed"} kind
 * @property {string} day
 * @property {readonly (string)[]} districts
 */

/**
 * A day's snapshot was committed.
 * @typedef {object} DayPublished
 * @property {"day-published"} kind
 * @property {string} day
 * @property {boolean} isPartial
 * @property {string} at
 */

/**
 * @typedef {"auto" | "summary" | "full"} Detail
 */

/**
 * Why one unit failed.
 * @typedef {object} DistrictError
 * @property {string | null} districtId The district; `null` when the day could not even be listed.
 * @property {string} day The day.
 * @property {Stage} stage Where it failed.
 * @property {string} kind One word of a small vocabulary, for grouping.
 * @property {string} message For people; secrets redacted.
 * @property {number} attempts Attempts made.
 * @property {boolean} isRetryable Whether another attempt may succeed.
 * @property {string} timestamp When (aware, UTC).
 */

/**
 * Where a figure came from: one raw document, by identity, address, time and content (B3).
 * @typedef {object} DocumentRef
 * @property {string} name
 * @property {string} url
 * @property {string} fetchedAt
 * @property {string} sha256
 */

/**
 * A target that was left out, or kept although nothing confirms it.
 * @typedef {object} Doubt
 * @property {string} text The target as it was asked for.
 * @property {string} why The rule that it breaks, or what is not known of it.
 * @property {readonly (string)[]} suggestions Identifiers that may have been meant, best first.
 */

/**
 * Failures of one cause.
 * @typedef {object} ErrorGroup
 * @property {Stage} stage Where they happened.
 * @property {string} kind What they have in common.
 * @property {number} count How many.
 * @property {boolean} isRetryable Whether another attempt may succeed.
 * @property {string} example The message of the newest.
 */

/**
 * Failures of a job, oldest first.
 * @typedef {object} ErrorPage
 * @property {readonly (DistrictError)[]} items They.
 * @property {string | null} next The address of the next page, or `null`.
 */

/**
 * The state of the door out: its limits and breakers, and what was asked for and served.
 * @typedef {object} FetchStatus
 * @property {readonly (HostStatus)[]} hosts One entry for each host seen.
 * @property {number} requests Requests sent.
 * @property {number} retries Of them, those that repeated a failed one.
 * @property {number} reused Documents served from the archive.
 * @property {number} shared Documents served by another unit's request that was under way.
 * @property {number} bytesReceived Bytes of the bodies received, as they came over the wire.
 * @property {number | null} rate Requests a second that any one host will be asked for at most; `null` = no limit.
 */

/**
 * Something about the data that a reader should know; it never stops anything.
 * @typedef {object} Finding
 * @property {string} kind One word of a small vocabulary, for grouping.
 * @property {string} message For people.
 * @property {string | null} day Which day, where it concerns one.
 * @property {string | null} district Which district, where it concerns one.
 */

/**
 * Something about the data was noticed.
 * @typedef {object} Found
 * @property {"found"} kind
 * @property {Finding} finding
 */

/**
 * @typedef {"daily" | "weekly" | "month-end"} Frequency
 */

/**
 * @typedef {"closing" | "never-existed" | "not-published-yet" | "no-such-as-of" | "unknown"} Gap
 */

/**
 * Which gaps of the coverage to fill.
 * @typedef {object} GapRequest
 * @property {string} start First day.
 * @property {string} end Last day, inclusive.
 * @property {readonly (string)[] | null} [districts] Which districts; left out = the configured ones, else all that are stored or were tried.
 * @property {Frequency} [frequency] Which days of the range.
 */

/**
 * Whether the service can take jobs.
 * @typedef {object} Health
 * @property {string} status `ok`.
 * @property {string} operation What metadata and logs call its jobs.
 * @property {string} version Of this library.
 */

/**
 * The protective machinery at work for one host.
 * @typedef {object} HostStatus
 * @property {string} host Scheme, name and port.
 * @property {number | null} rate Requests a second allowed; `null` = no limit.
 * @property {number} concurrency Requests at once allowed.
 * @property {number} inFlight Requests under way.
 * @property {number} waiting Calls that wait for their turn.
 * @property {string} breaker `closed`, `open` or `half-open`.
 * @property {number} parkedSeconds For how long the host is left alone from now on, because it asked for it or does not answer; 0 = not.
 * @property {number} slowdown By how much it is asked less often than its rate allows, because it shows strain; 1 = not.
 */

/**
 * One change of one job, in the order in which the job store noted it.
 * @typedef {object} JobEvent
 * @property {number} seq Position in the store's log, from 1; gaps are possible.
 * @property {string} backfillId The job.
 * @property {string} at When it was noted (aware, UTC).
 * @property {Change} change What happened.
 */

/**
 * Jobs, newest first.
 * @typedef {object} JobPage
 * @property {readonly (BackfillReport)[]} items Their reports, without errors, findings and progress per district.
 * @property {string | null} next The address of the next page, or `null`.
 */

/**
 * @typedef {"system-wide" | "per-district" | "targeted"} Method
 */

/**
 * @typedef {"newest-first" | "oldest-first"} Order
 */

/**
 * One day of a plan.
 * @typedef {object} PlannedDay
 * @property {string} day The day.
 * @property {string | null} asOfDate When its edition was (or will have been) given out; `null` = not known.
 * @property {Gap | null} gap Why nothing will be requested for it (`unknown`: its list is empty); `null` = it will be collected.
 * @property {string | null} settledOn From when on its edition no longer changes; `null` = it never does.
 * @property {Method} strategy How it is collected.
 * @property {readonly (string)[] | null} districts Which districts; `null` = the day is listed first.
 * @property {readonly (string)[]} existing Of them, those stored already that will be skipped.
 * @property {boolean} listed Whether `districts` is the day's own list, so that it need not be listed.
 */

/**
 * Why a request was not carried out (RFC 9457).
 * @typedef {object} Problem
 * @property {string} type Where this kind of problem is described.
 * @property {string} title The kind of problem, for people.
 * @property {number} status The HTTP status.
 * @property {string} detail What happened this time.
 * @property {string} code The kind of problem, for programs.
 * @property {string} remedy What to do about it.
 * @property {string} requestId The request, as the server's log names it.
 * @property {readonly (WrongValue)[]} errors The values that cannot be accepted, all of them.
 */

/**
 * How far a job is. The five states always add up to `total`.
 * @typedef {object} Progress
 * @property {number} total Units of (day, district); a day not yet listed counts as one.
 * @property {number} completed Stored by this job.
 * @property {number} skipped Stored already.
 * @property {number} unavailable Nothing was published.
 * @property {number} failed Failed.
 * @property {number} pending Still to be done (or left undone, when the job was cancelled).
 * @property {boolean} isEstimate Whether days are still to be listed, so that the total may grow.
 * @property {readonly (string)[]} current The days in work.
 * @property {Readonly<Record<string, Readonly<Record<string, number>>>>} districtProgress The same counts for each district, by state.
 * @property {number | null} etaSeconds Seconds that the rest will take at the pace so far; `null` = not known.
 */

/**
 * Which days to rebuild from the archive.
 * @typedef {object} RebuildRequest
 * @property {string} start First day.
 * @property {string} end Last day, inclusive.
 * @property {readonly (string)[] | null} [districts] Which districts; left out = all.
 */

/**
 * What a manifest says of one stored record, so that the record itself need not be opened.
 * @typedef {object} RecordHeader
 * @property {string} detail `"full"` or `"summary"`.
 * @property {string} asOfDate The day on which the publisher gave the figures out.
 * @property {boolean} settled Whether it need not be collected again.
 * @property {string} contentDigest SHA-256 of what the record says (not of when or from where it came).
 * @property {string} sha256 SHA-256 of the encoded record.
 * @property {number} size Bytes of the encoded record.
 * @property {string} backfillId The job that stored it.
 * @property {string} method The strategy by which it was collected.
 * @property {boolean} staleDetail Whether a newer summary was seen since, which a full record is never replaced by.
 */

/**
 * @typedef {"system-wide" | "targeted" | "single-district"} ScopeKind
 */

/**
 * One stored day in a list.
 * @typedef {object} SnapshotItem
 * @property {string} day The day.
 * @property {number | null} districtCount How many districts it has; `null` = its manifest cannot be read.
 */

/**
 * What is said of a stored day as a whole.
 * @typedef {object} SnapshotMetadata
 * @property {string} day The day.
 * @property {SnapshotStatus} status `success` or `partial`.
 * @property {string} createdAt When the day was first stored (aware, UTC).
 * @property {string} updatedAt When it was last changed.
 * @property {string} asOfDate The newest as-of date of its records.
 * @property {string} source The name of the source that last contributed.
 * @property {readonly (string)[]} expected The districts that operations set out to collect on this day.
 * @property {readonly (string)[]} districts The districts stored.
 * @property {readonly (string)[]} unavailable Expected districts of which nothing was published.
 * @property {readonly (string)[]} failed Expected districts that failed and are not stored.
 * @property {readonly (DistrictError)[]} errors Why they failed.
 * @property {readonly (Finding)[]} findings What a reader should know.
 * @property {readonly (Readonly<Record<string, string>>)[]} operations The last twenty operations that contributed, oldest first.
 * @property {number} processingSeconds How long the last of them took.
 * @property {boolean} listed Whether `expected` holds every district that existed on the day.
 */

/**
 * Stored days, ascending.
 * @typedef {object} SnapshotPage
 * @property {readonly (SnapshotItem)[]} items They.
 * @property {string | null} next The address of the next page, or `null`.
 */

/**
 * @typedef {"success" | "partial"} SnapshotStatus
 */

/**
 * One stored day.
 * @typedef {object} SnapshotView
 * @property {SnapshotMetadata} metadata What is said of the day as a whole.
 * @property {Readonly<Record<string, RecordHeader>>} entries What its manifest says of each district.
 */

/**
 * @typedef {"list" | "fetch" | "validate" | "transform" | "store"} Stage
 */

/**
 * The job reached another state.
 * @typedef {object} StatusChanged
 * @property {"status-changed"} kind
 * @property {BackfillStatus} status
 * @property {string} at
 * @property {string | null} reason
 */

/**
 * One district's record, byte for byte as the file store keeps it.
 * @typedef {object} StoredDistrict
 * @property {string} schemaVersion Version of this form.
 * @property {string} districtId The district.
 * @property {string} districtName It, for people.
 * @property {string} snapshotDate The day that the figures describe.
 * @property {string} asOfDate The day on which the publisher gave them out.
 * @property {string} collectedAt When the latest of its documents was fetched.
 * @property {string} status `success`.
 * @property {string} detail `full` or `summary`.
 * @property {string} calculationVersion Version of the rules that made it.
 * @property {readonly (DocumentRef)[]} provenance The raw documents that it was made from.
 * @property {unknown} data The figures, as the source returned them.
 */

/**
 * An attempt at a unit failed, and the unit is still to be done.
 * @typedef {object} UnitAttempted
 * @property {"unit-attempted"} kind
 * @property {DistrictError} error
 */

/**
 * One unit failed.
 * @typedef {object} UnitFailed
 * @property {"unit-failed"} kind
 * @property {DistrictError} error
 */

/**
 * One day of a job.
 * @typedef {object} UnitRow
 * @property {string} day The day.
 * @property {number | null} whole The position in `states` of the state of the day as a whole, while it is not listed; else `null`.
 * @property {readonly (number)[]} cells For each district, in the order of `districts`, the position of its state in `states`; -1 = no unit of this job.
 */

/**
 * @typedef {"pending" | "completed" | "skipped" | "unavailable" | "failed"} UnitState
 */

/**
 * Units of a day reached a final state. A `null` key stands for the day as a whole.
 * @typedef {object} UnitsSettled
 * @property {"units-settled"} kind
 * @property {string} day
 * @property {Readonly<Record<string, UnitState>>} states The key '*' stands for the day as a whole.
 */

/**
 * Every unit of a job, as a table of days by districts.
 * @typedef {object} UnitsView
 * @property {readonly (string)[]} districts The districts of any of the days, in text order.
 * @property {readonly (UnitState)[]} states What can become of a unit; `cells` and `whole` count from 0 in this list.
 * @property {readonly (UnitRow)[]} rows A row for each day, ascending.
 */

/**
 * One value that cannot be accepted.
 * @typedef {object} WrongValue
 * @property {string} in Where it stands: `body`, `query`, `path` or `header`.
 * @property {string} pointer JSON Pointer to it within that place, as a URI fragment.
 * @property {string} detail The rule that it breaks.
 * @property {string} remedy What to write instead.
 */

export {};
