//! Random stories: what apps, people, administrators and thieves do, rightly and wrongly, one step after the other.

mod play;
mod step;

pub use play::Story;
pub use step::{Step, steps};
