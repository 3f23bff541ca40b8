//! The append-only log: frames, leaves, engines, proofs.
