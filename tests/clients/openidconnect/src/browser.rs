//! A browser without JavaScript: it keeps cookies, follows redirects by hand and submits the forms it finds. It stops where the server
//! sends it somewhere else, which is how an app is given its code.

use crate::form::Form;
use crate::http::{self, Exchange};
use openidconnect::http::{HeaderMap, Method, Request, header};
use openidconnect::url::{Url, form_urlencoded};
use std::collections::BTreeMap;
use std::error::Error;

const REDIRECTS_MAX: usize = 10;

/// One person's browser.
pub struct Browser {
    origin: String,
    username: String,
    password: String,
    cookies: BTreeMap<String, String>,
}

/// Where a request ended.
pub enum At {
    /// On a page of the server.
    Page(Url, String),
    /// Somewhere else.
    Left(Url),
}

impl Browser {
    /// A browser that has seen nothing.
    pub fn new(issuer: &Url, username: &str, password: &str) -> Self {
        let origin = issuer.origin().ascii_serialization();
        Self { origin, username: username.to_owned(), password: password.to_owned(), cookies: BTreeMap::new() }
    }

    /// From an authorization request to where it ends: signs in and consents where that is asked.
    pub fn answer(&mut self, url: Url) -> Result<Url, Box<dyn Error>> {
        let mut at = self.go(url, None)?;
        for _ in 0..2 {
            let At::Page(from, html) = &at else { break };
            let mut form = Form::of(html).ok_or_else(|| format!("no form on {from}: {html}"))?;
            if Form::asks_for(html, "password") {
                form.pairs.push(("username".to_owned(), self.username.clone()));
                form.pairs.push(("password".to_owned(), self.password.clone()));
            }
            at = self.go(from.join(&form.action)?, Some(form.pairs))?;
        }
        match at {
            At::Left(url) => Ok(url),
            At::Page(url, html) => Err(format!("it ends on {url}: {html}").into()),
        }
    }

    /// Opens an address, or posts a form to it.
    pub fn go(&mut self, mut url: Url, form: Option<Vec<(String, String)>>) -> Result<At, Box<dyn Error>> {
        let mut body = form.map(|pairs| form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish());
        for _ in 0..REDIRECTS_MAX {
            if url.origin().ascii_serialization() != self.origin {
                return Ok(At::Left(url));
            }
            let answer = http::send(self.request(&url, body.take())?)?;
            self.keep_cookies(answer.headers());
            match answer.headers().get(header::LOCATION) {
                Some(location) => url = url.join(location.to_str()?)?,
                None => return Ok(At::Page(url, String::from_utf8(answer.into_body())?)),
            }
        }
        Err("too many redirects".into())
    }

    fn request(&self, url: &Url, body: Option<String>) -> Result<Exchange, Box<dyn Error>> {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let request = Request::builder().method(method).uri(url.as_str()).header(header::ACCEPT, "text/html");
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").header(header::COOKIE, cookies.join("; "));
        Ok(request.body(body.unwrap_or_default().into_bytes())?)
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
            let pair = line.split(';').next().and_then(|pair| pair.trim().split_once('='));
            let Some((name, value)) = pair else { continue };
            match line.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
    }
}
