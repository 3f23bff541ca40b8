//! The strict front door, the endpoints, the pages and the admin API.
//!
//! A connection is accepted by [`server`], which bounds how many there are and how long they may take. [`front_door`] refuses
//! what no route should ever see, makes the [`Inbound`] and hands it to warp's routes. Those read [`params`], [`json_body`],
//! [`credentials`] and [`cookies`], and answer with [`reply`] and [`pages`]. Only this module names warp; hyper is named by `outbound` too.

pub mod admin;
pub mod allowed_hosts;
mod answer;
mod authorize;
mod client_configuration;
mod client_credentials;
mod connection;
mod consent;
pub mod context;
pub mod cookies;
pub mod cors;
pub mod credentials;
mod crowd;
mod discovery;
pub mod exchange;
pub mod front_door;
mod head_lines;
pub mod inbound;
mod interaction;
mod introspect;
mod introspect_body;
pub mod json_body;
mod jwks;
mod login;
mod logout;
pub mod pages;
pub mod params;
pub mod peer;
pub mod percent;
mod pulse;
pub mod recover;
mod registration;
pub mod reply;
mod request_head;
mod request_object;
mod revoke;
pub mod routes;
mod security_headers;
pub mod server;
mod session_state;
mod strict_io;
mod switched_off;
mod tiles;
pub mod tls;
mod to_client;
mod token;
mod told;
mod unix_socket;
mod userinfo;

pub use allowed_hosts::AllowedHosts;
pub use front_door::{Door, DoorSettings, RequestIds};
pub use inbound::{Inbound, inbound};
pub use params::{Params, ParamsError};
pub use peer::Peer;
pub use server::{Listen, Server, ServerError, ServerSettings};
pub use tls::TlsFiles;
pub use warp::reply::Response;

/// Routes that answer everything; what a [`Door`] opens to.
pub type Routes = warp::filters::BoxedFilter<(Response,)>;
