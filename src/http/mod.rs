//! The strict front door, the endpoints, the pages and the admin API.
