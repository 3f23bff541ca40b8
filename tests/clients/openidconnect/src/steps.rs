//! One line a step, and the count at the end decides the exit code.

use std::cell::Cell;
use std::error::Error;
use std::process::ExitCode;

/// What a step comes to.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// Counts steps.
#[derive(Default)]
pub struct Steps {
    passed: Cell<u32>,
    failed: Cell<u32>,
}

/// A step failed, and was told.
#[derive(Debug)]
pub struct ChapterEnded;

impl Steps {
    /// Runs a step that others build on: its failure ends the chapter.
    pub fn step<T>(&self, name: &str, run: impl FnOnce() -> Outcome<T>) -> Result<T, ChapterEnded> {
        match run() {
            Ok(result) => {
                self.passed.set(self.passed.get() + 1);
                println!("ok    {name}");
                Ok(result)
            }
            Err(error) => {
                self.failed.set(self.failed.get() + 1);
                println!("FAIL  {name}");
                let mut cause: Option<&dyn Error> = Some(error.as_ref());
                while let Some(error) = cause {
                    println!("      {error}");
                    cause = error.source();
                }
                Err(ChapterEnded)
            }
        }
    }

    /// A row of steps. One that fails does not keep the next chapter from running.
    pub fn chapter(&self, name: &str, run: impl FnOnce() -> Result<(), ChapterEnded>) {
        println!("-- {name}");
        // The step that failed has been counted.
        run().unwrap_or(());
    }

    /// The last line.
    pub fn finish(&self) -> ExitCode {
        println!("{} passed, {} failed", self.passed.get(), self.failed.get());
        if self.failed.get() == 0 && self.passed.get() > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Ends a step unless this holds.
#[macro_export]
macro_rules! ensure {
    ($holds:expr, $($why:tt)+) => {
        if !$holds {
            return Err(format!($($why)+).into());
        }
    };
}
