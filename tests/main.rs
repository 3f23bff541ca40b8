//! Tests from outside: the built binary, spoken to as a client and a browser speak to it. File names are features and RFCs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::as_conversions,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a test that cannot go on says so by failing, and it runs in the real time of a real server"
)]

mod app_pages;
mod appendix4;
mod assertions;
mod attacks;
mod authorize_errors;
mod claims_parameter;
mod client_add;
mod client_configuration;
mod client_credentials;
mod conformance;
mod consent;
mod cors;
mod discovery;
mod export;
mod faults;
mod floors;
mod front;
mod harness;
mod introspection;
mod keys;
mod logout;
mod logout_pages;
mod logout_tokens;
mod parameters;
mod password;
mod proofs;
mod refusals;
mod registration;
mod request_objects;
mod scopes;
mod section_k;
mod session_management;
mod sites;
mod subjects;
mod time_travel;
mod token;
mod userinfo;
