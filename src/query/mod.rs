//! Pure reads of state.
