//! THREATS.md A: what happened to others, tried on us. The names are its ids.

mod a1_redirects;
mod a2_codes;
mod a3_refresh;
mod a4_tokens;
mod a5_registration;
mod a6_sign_in;
mod a7_http;
mod a8_exhaustion;
mod a9_outgoing;
