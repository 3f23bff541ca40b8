//! One visit: a person signs in, an app gets its tokens, renews them and asks about them, and most people leave without a word.

use super::GrowError;
use super::people::{Population, SCOPE, Town};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use writ::command::{ClientProof, ConsentFact, Decide, EndSession, EndedBy, IssueCode, RedeemCode, RefreshFact, RotateRefresh, SignIn};
use writ::event::IssuedTokens;
use writ::ledger::draw_secret;
use writ::terms::{RequestFacts, ScopeSet, SessionId};

/// So many visits at most at once: what is decided while the disk syncs shares the next sync.
const VISITORS: u64 = 256;
/// And no more than events of so many seconds: a code that everybody else comes before would expire.
const SECONDS: u64 = 4;
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Visits until there are enough events.
pub async fn until_grown(population: &Arc<Population>) -> Result<(), GrowError> {
    let one = |population: Arc<Population>| async move {
        while let Some(number) = population.next_visit() {
            Visit::new(&population, number)?.happen().await?;
        }
        Ok(())
    };
    let visitors: Vec<_> =
        (0..VISITORS.min(population.per_second() * SECONDS)).map(|_| tokio::spawn(one(Arc::clone(population)))).collect();
    let mut all = Ok(());
    for visitor in visitors {
        let ended = visitor.await.unwrap_or_else(|error| Err(GrowError::Story(error.to_string())));
        all = all.and(ended);
    }
    all
}

struct Visit<'a> {
    population: &'a Population,
    town: &'a Town,
    app: &'a ClientProof,
    number: u64,
}

impl<'a> Visit<'a> {
    fn new(population: &'a Population, number: u64) -> Result<Self, GrowError> {
        let nobody = || GrowError::Story("nobody lives there".to_owned());
        let town = nth(&population.towns, number).ok_or_else(nobody)?;
        let app = nth(&town.apps, number / 7).ok_or_else(nobody)?;
        Ok(Self { population, town, app, number })
    }

    async fn happen(&self) -> Result<(), GrowError> {
        let session = self.sign_in().await?;
        let mut tokens = self.tokens(session).await?;
        self.ask_about(&tokens).await?;
        for _ in 0..self.number % 9 {
            tokens = self.renewed(&tokens).await?;
            self.ask_about(&tokens).await?;
        }
        if self.number.is_multiple_of(16) {
            self.presents_a_wrong_code().await?;
        }
        if self.number.is_multiple_of(3) {
            let end = EndSession { session: Some(session), everywhere: None, by: EndedBy::Hint };
            self.carry_out(end, 1).await?;
        }
        Ok(())
    }

    async fn sign_in(&self) -> Result<SessionId, GrowError> {
        let person = nth(&self.town.people, self.number / 3).ok_or_else(|| GrowError::Story("no such person".to_owned()))?;
        let cookie = draw_secret::<32>().digest();
        let client = self.app.client.clone();
        let sign_in = SignIn { login: person.login, role: None, password: person.password, cookie, session: None, client };
        Ok(self.carry_out(sign_in, 2).await?.session)
    }

    async fn tokens(&self, session: SessionId) -> Result<IssuedTokens, GrowError> {
        let code = draw_secret::<32>().digest();
        let scope = ScopeSet::parse(SCOPE).map_err(|error| GrowError::Story(error.to_string()))?;
        let client = self.app.client.clone().ok_or_else(|| GrowError::Story("an app without a name".to_owned()))?;
        let issue = IssueCode {
            session,
            interaction: None,
            client,
            requested_scope: scope.clone(),
            scope,
            consent: ConsentFact::Given,
            code: Some(code),
            redirect_uri: None,
            code_challenge: None,
            audience: None,
            has_nonce: true,
            nonce: Some(draw_secret::<16>().expose().to_owned()),
            wishes: Default::default(),
        };
        self.carry_out(issue, 2).await?;
        let redeem = RedeemCode { code: Some(code), redirect_uri: None, verifier: None, client_auth: self.app.clone() };
        self.carry_out(redeem, 2).await
    }

    async fn renewed(&self, tokens: &IssuedTokens) -> Result<IssuedTokens, GrowError> {
        let generation = tokens.generation.ok_or_else(|| GrowError::Story("no refresh token was given out".to_owned()))?;
        let refresh_token = RefreshFact::Genuine { grant: tokens.grant, generation };
        let rotate = RotateRefresh { refresh_token, scope: None, client_auth: self.app.clone() };
        Ok(self.carry_out(rotate, 1).await?.tokens)
    }

    async fn ask_about(&self, tokens: &IssuedTokens) -> Result<(), GrowError> {
        let told = self.population.ledger.tell_read(&self.town.site, tokens.token, self.app.client.clone(), true, self.facts()).await;
        self.population.happened(1);
        told.map_err(|failure| GrowError::Story(failure.to_string()))
    }

    /// It is refused, and that is an event.
    async fn presents_a_wrong_code(&self) -> Result<(), GrowError> {
        let code = Some(draw_secret::<32>().digest());
        let redeem = RedeemCode { code, redirect_uri: None, verifier: None, client_auth: self.app.clone() };
        match self.carry_out(redeem, 1).await {
            Err(GrowError::Refused(writ::ledger::SiteError::Refused(_))) => Ok(()),
            Ok(_) => Err(GrowError::Story("a code that never was is good".to_owned())),
            Err(error) => Err(error),
        }
    }

    async fn carry_out<C: Decide>(&self, command: C, events: u64) -> Result<C::Answer, GrowError> {
        let done = self.population.ledger.carry_out(&self.town.site, command, self.facts()).await;
        self.population.happened(events);
        Ok(done?)
    }

    fn facts(&self) -> RequestFacts {
        let [.., a, b, c] = self.number.to_be_bytes();
        let ip = Some(IpAddr::V4(Ipv4Addr::new(10, a, b, c)));
        RequestFacts { ip, user_agent: Some(USER_AGENT.to_owned()), ..self.population.ledger.own_request() }
    }
}

/// The one of this number, going round.
fn nth<T>(all: &[T], number: u64) -> Option<&T> {
    let length = u64::try_from(all.len()).ok().filter(|length| *length > 0)?;
    all.get(usize::try_from(number % length).ok()?)
}
