//! Deciding: a command and the state become events and an answer. Pure and total.
