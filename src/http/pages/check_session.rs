//! The page that apps load in a frame to ask whether the person is still signed in (OpenID Connect Session Management §3.2).

use super::{Page, style::hash_source};
use askama::Template;

/// Answers `client_id session_state` with `changed`, `unchanged` or `error`. The cookie's name stands in the page, so that the script is
/// the same for every site.
const ANSWER: &str = r"const name=document.documentElement.dataset.cookie+'=';
addEventListener('message',async e=>{
  if(e.source===window||e.origin==='null')return;
  let answer='error';
  const asked=typeof e.data==='string'&&/^([!-~]+) ([\w-]{43})\.([\w-]{22})$/.exec(e.data);
  if(asked){
    const cookie=document.cookie.split('; ').find(pair=>pair.startsWith(name));
    const state=cookie?cookie.slice(name.length):'';
    const text=asked[1]+' '+e.origin+' '+state+' '+asked[3];
    const hash=new Uint8Array(await crypto.subtle.digest('SHA-256',new TextEncoder().encode(text)));
    const told=btoa(String.fromCharCode(...hash)).replace(/\+/g,'-').replace(/\//g,'_').replace(/=/g,'');
    answer=told===asked[2]?'unchanged':'changed';
  }
  e.source.postMessage(answer,e.origin);
});";

/// Nothing to see, and one script.
#[derive(Template)]
#[template(path = "check_session.html")]
pub struct CheckSessionPage<'a> {
    /// The name of the cookie that holds the browser's state.
    pub cookie: &'a str,
}

impl Page for CheckSessionPage<'_> {
    fn policy(&self) -> String {
        let script = hash_source(ANSWER);
        format!("default-src 'none'; script-src {script}; base-uri 'none'; form-action 'none'; frame-ancestors *")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anybody_may_frame_the_page_and_it_runs_one_script() {
        let page = CheckSessionPage { cookie: "__Host-writ-default_state" };
        let (body, policy) = (page.render().unwrap(), page.policy());
        assert!(body.contains(&format!("<script>{ANSWER}</script>")) && body.contains("data-cookie=\"__Host-writ-default_state\""));
        assert_eq!((body.matches("<script").count(), policy.ends_with("frame-ancestors *")), (1, true));
        assert!(policy.contains(&hash_source(ANSWER)) && !policy.contains("unsafe"), "{policy}");
    }
}
