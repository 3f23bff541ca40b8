//! The command handler: the only room with a clock and with entropy.
