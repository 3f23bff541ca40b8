//! THREATS.md D: the machine fails, and what was acknowledged holds.

mod full;
mod kill;
mod outage;
