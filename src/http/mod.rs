//! The strict front door, the endpoints, the pages and the admin API.
//!
//! A connection is accepted by [`server`], which bounds how many there are and how long they may take. [`front_door`] refuses
//! what no route should ever see, makes the [`Inbound`] and hands it to warp's routes. Those read [`params`], [`json_body`],
//! [`credentials`] and [`cookies`], and answer with [`reply`] and [`pages`]. Only this module names warp and hyper.

pub mod admin;
pub mod allowed_hosts;
mod connection;
pub mod cookies;
pub mod cors;
pub mod credentials;
mod crowd;
pub mod front_door;
mod head_lines;
pub mod inbound;
pub mod json_body;
pub mod pages;
pub mod params;
pub mod peer;
pub mod percent;
mod pulse;
pub mod recover;
pub mod reply;
mod request_head;
mod security_headers;
pub mod server;
mod strict_io;
pub mod tls;
mod unix_socket;

pub use allowed_hosts::AllowedHosts;
pub use front_door::{Door, DoorSettings, RequestIds};
pub use inbound::{Inbound, inbound};
pub use params::{Params, ParamsError};
pub use peer::Peer;
pub use server::{Listen, Server, ServerError, ServerSettings};
pub use tls::TlsFiles;
pub use warp::reply::Response;
