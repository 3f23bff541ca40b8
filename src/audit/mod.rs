//! Stories told from the log: why a token is dead, who ended it, what led to what.
