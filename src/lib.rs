//! Writ: an event-sourced OAuth 2.0 and OpenID Connect authorization server for health records.
//!
//! > A request becomes a command; `decide` turns command and state into events and an answer; the log makes the events
//! > durable; `fold` turns them into state; queries read state. Nothing else changes anything.
//!
//! The folders are floors, listed from the ground up; nothing imports upward (`tests/floors.rs` holds that).
//!
//! | floor | module | what lives there |
//! |---|---|---|
//! | 0 | [`terms`] | the nouns of the RFCs as types |
//! | 1 | [`event`] | the facts, past tense, one file a family |
//! | 2 | [`log`] | the append-only, provable log and its engines |
//! | 2 | [`vault`] | secrets that never enter the log |
//! | 2 | [`outbound`] | the one fetcher of what clients point at |
//! | 3 | [`projection`] | state, the fold of the records |
//! | 3 | [`jose`] | signed tokens: pure functions of claims and key |
//! | 4 | [`command`] | decide, one file a command |
//! | 4 | [`query`] | introspection, userinfo, discovery: pure reads of state |
//! | 5 | [`ledger`] | the command handler; the only clock and entropy |
//! | 6 | [`audit`] | stories told from the log, exports that prove themselves |
//! | 6 | [`replay`] | the log folded once more: state at any point, and whether it adds up |
//! | 7 | [`http`] | the strict front door, endpoints, pages, admin API |
//! | 8 | [`cli`] | one file a subcommand |

pub mod audit;
pub mod cli;
pub mod command;
pub mod event;
pub mod http;
pub mod jose;
pub mod ledger;
pub mod log;
pub mod outbound;
pub mod projection;
pub mod query;
pub mod replay;
pub mod terms;
pub mod vault;
