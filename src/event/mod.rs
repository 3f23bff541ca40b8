//! The facts, in the past tense, one file a family.
