//! A person's browser: cookies, redirects followed by hand, and no JavaScript.

use super::{Answer, Page, Request, Site};
use std::collections::BTreeMap;
use url::Url;

const REDIRECTS_MAX: usize = 10;

/// Where following redirects ended.
#[derive(Clone, Debug)]
pub enum Stop {
    /// A page of the server.
    Shown(Box<Page>),
    /// Another place: an app.
    Left(Url),
}

impl Stop {
    #[track_caller]
    pub fn page(self) -> Page {
        match self {
            Self::Shown(page) => *page,
            Self::Left(url) => panic!("left for {url}"),
        }
    }
    #[track_caller]
    pub fn left(self) -> Url {
        match self {
            Self::Left(url) => url,
            Self::Shown(page) => panic!("{} {} shows {}", page.status(), page.answer.url, page.text()),
        }
    }
}

/// A browser with its own cookies.
#[derive(Clone, Default)]
pub struct Browser {
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    pub fn new() -> Self {
        Self::default()
    }
    /// Opens a URL of the server and follows it to the end.
    pub async fn open(&mut self, url: &str) -> Stop {
        self.follow(Request::get(url).header("accept", "text/html")).await
    }
    /// Opens a URL as a program does, which reads no pages.
    pub async fn open_as_program(&mut self, url: &str) -> Stop {
        self.follow(Request::get(url)).await
    }
    /// Presses a button of a page.
    pub async fn press(&mut self, page: &Page, button: &str, values: &[(&str, &str)]) -> Stop {
        self.follow(page.pressed(button, values)).await
    }
    /// Sends one request with the cookies and keeps those that come back.
    pub async fn once(&mut self, request: Request) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if cookies.is_empty() { request } else { request.header("cookie", &cookies.join("; ")) };
        let answer = request.send().await;
        for line in answer.headers.get_all("set-cookie") {
            self.keep(line.to_str().unwrap());
        }
        answer
    }
    /// Sends a request and follows redirects as long as they stay on the server.
    pub async fn follow(&mut self, request: Request) -> Stop {
        let origin = request.url.origin();
        let mut answer = self.once(request).await;
        for _ in 0..REDIRECTS_MAX {
            let Some(next) = answer.location() else { return Stop::Shown(Box::new(Page::of(answer))) };
            assert!([301, 302, 303].contains(&answer.status), "a redirect with {}", answer.status);
            if next.origin() != origin {
                return Stop::Left(next);
            }
            answer = self.once(Request::get(next.as_str()).header("accept", "text/html")).await;
        }
        panic!("too many redirects: {}", answer.url);
    }
    /// Signs in on this page as the site's person.
    pub async fn sign_in(&mut self, page: &Page, username: &str, password: &str) -> Stop {
        assert!(page.is_sign_in(), "{} {}", page.status(), page.text());
        self.press(page, "primary", &[("username", username), ("password", password)]).await
    }
    /// The value of the site's cookie.
    pub fn cookie(&self, site: &Site) -> Option<&String> {
        self.cookies.get(&format!("writ-{}", site.name))
    }
    fn keep(&mut self, line: &str) {
        let (pair, flags) = line.split_once(';').unwrap_or((line, ""));
        let (name, value) = pair.split_once('=').unwrap();
        match flags.split(';').any(|flag| flag.trim().eq_ignore_ascii_case("max-age=0")) {
            true => self.cookies.remove(name),
            false => self.cookies.insert(name.to_owned(), value.to_owned()),
        };
    }
}
