//! State: the fold of the records.
