//! SPEC.md (k): where the two sources and the standards disagree, row by row. Each test is the decision of the row whose number it
//! bears; rows with tests elsewhere are listed in `docs/specification.md`.

mod authorize;
mod logout;
mod registration;
mod server;
mod token;
