"""The public dashboard of Toastmasters districts: its calendar, its addresses, its reports."""
