//! Deciding: a command and the state become events and an answer. Pure and total; no clock, no entropy, no I/O.
//!
//! A command carries its public parameters and, as words, the facts that were worked out before (`secret: verified`).
//! That is what `asked` records, and from it the command can be rebuilt and decided again ([`redecide`]).

mod answered;
mod assertion;
mod begin;
mod client_auth;
mod configure_client;
mod decision;
mod deliver_logout;
mod deny_consent;
mod end_session;
mod generate_key;
mod grant_to_client;
mod invite;
mod issue_code;
mod manage_client;
mod manage_site;
mod manage_user;
mod openid_wishes;
mod record;
mod redecide;
mod redeem_code;
mod redeem_password;
mod refusal;
mod register_client;
mod revoke_token;
mod rotate_refresh;
mod sector;
mod sign_in;
mod tell_clients;
mod tokens;
mod withdraw_consent;

pub use answered::is_answered;
pub use assertion::{AssertionFact, SignedAssertion, assertion_end, assertion_time};
pub use client_auth::{AuthenticateClient, AuthenticatedClient, ClientProof, SecretFact, Via, authenticate};
pub use configure_client::ConfigureClient;
pub use decision::{Decide, Decision, Draft, Refused};
pub use deliver_logout::{EndLogoutAttempt, LogoutToSend, SignLogout};
pub use deny_consent::DenyConsent;
pub use end_session::{EndSession, EndedBy, SignedOut};
pub use generate_key::{GenerateKey, RetireKey, TakesOver};
pub use grant_to_client::GrantToClient;
pub use invite::{InviteClient, RevokeInvitation, may_register};
pub use issue_code::{ConsentFact, IssueCode, IssuedAtFront};
pub use manage_client::{ChangeClient, ClientChange, ReceiveToken, UpdateClient};
pub use manage_site::{ConfigureSite, CreateServer, CreateSite};
pub use manage_user::{ChangeUser, CreateUser, UserChange};
pub use openid_wishes::OpenidWishes;
pub use record::{Note, Noted};
pub use redecide::{RedecideError, Redecided, asked, redecide};
pub use redeem_code::RedeemCode;
pub use redeem_password::{EmailFact, RedeemPassword, looks_at_password};
pub use refusal::Reply;
pub use register_client::{RegisterClient, registration_status, with_implied};
pub use revoke_token::{PresentedToken, RevokeToken};
pub use rotate_refresh::{RefreshFact, Refreshed, RotateRefresh};
pub use sector::{SectorFact, needs_sector_document};
pub use sign_in::{PasswordFact, SignIn, SignedIn};
pub use tell_clients::FrontChannel;
pub use withdraw_consent::WithdrawConsent;
