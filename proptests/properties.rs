//! The laws of THREATS.md C.1 that can be stated now, each a property with a name that states it; the number is the law's.

mod of_answers;
mod of_codes;
mod of_redirects;
mod of_scopes;
mod of_sites;
mod of_the_log;
mod of_the_past;
