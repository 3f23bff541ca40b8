//! The pages of one authorization request are answered once. A person may press a button twice, or go back and change their mind: as
//! long as the app has made nothing of an answer, a later one takes its place; from then on there is no other.

use super::Draft;
use super::redeem_code::end_of;
use crate::event::{GrantEnd, Refusal};
use crate::projection::{Grant, State};
use crate::terms::InteractionId;

/// The grant of an earlier answer to the same pages, which a later answer ends; none if there is none.
///
/// # Errors
/// [`Refusal::InteractionAnswered`] if its code was redeemed: the app has that answer.
pub(super) fn superseded(state: &State, interaction: Option<InteractionId>) -> Result<Option<&Grant>, Refusal> {
    let Some(earlier) = interaction.and_then(|interaction| state.grants.answering(&interaction)) else { return Ok(None) };
    match earlier.code.is_some() && earlier.redeemed_at.is_some() {
        true => Err(Refusal::InteractionAnswered),
        false => Ok(Some(earlier).filter(|grant| grant.ended.is_none())),
    }
}

/// Whether there is no other answer to these pages: the app has made something of one.
pub fn is_answered(state: &State, interaction: Option<InteractionId>) -> bool {
    superseded(state, interaction).is_err()
}

/// Its end, which the first event of the later answer causes.
pub(super) fn end_of_superseded(state: &State, earlier: &Grant) -> Draft {
    end_of(earlier, GrantEnd::AnsweredAgain).caused_by(state.head)
}
