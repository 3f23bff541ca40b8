//! Signed tokens: pure functions of claims and key.
