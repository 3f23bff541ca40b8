//! Calls into code that panics over damaged files: the panic becomes a value.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// Whether this thread is inside of a guarded call.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs the call; if it panics, gives what the panic said. Whatever the call had under way must not be used afterwards.
pub(super) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    let outer = IS_GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(call));
    IS_GUARDED.set(outer);
    outcome.map_err(|payload| said(payload.as_ref()))
}

/// Whether a panic of this thread will be caught and told as an error. A panic hook asks, so that nobody is shown a trace too.
pub fn is_guarded() -> bool {
    IS_GUARDED.get()
}

fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    text.and_then(|text| text.lines().next()).unwrap_or("a panic without words").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_what_it_said_and_the_guard_ends_with_the_call() {
        assert_eq!(guarded(is_guarded), Ok(true));
        assert!(!is_guarded());
        assert_eq!(guarded(|| panic!("one {}\nmore", 1)), Err::<(), _>("one 1".to_owned()));
        assert_eq!(guarded(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
        assert!(!is_guarded());
        let inner = guarded(|| (guarded(|| panic!("inner")), is_guarded()));
        assert_eq!(inner, Ok((Err::<(), _>("inner".to_owned()), true)));
    }
}
