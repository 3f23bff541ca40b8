//! Secrets that never enter the log.
