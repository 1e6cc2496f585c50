"""One unit of work, done by the library and by loops written by hand, each in a process of its own, against a fast server."""
