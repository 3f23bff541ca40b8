//! Every page, rendered with what a stranger might choose, looked at as text. The files stay in the system's temporary folder,
//! so that a person can open them in a browser.

use super::*;
use crate::http::reply::tests::text;
use crate::terms::{ErrorCode, IdSeed, ScopeSet};

const HOSTILE: &str = "<script>alert(1)</script>\"'&\u{202e}";

fn form() -> Form<'static> {
    Form { action: "/oauth2/default/login", interaction: "int_AAECAwQFBgcICQoLDA0ODw", csrf_token: "c0ffee" }
}
fn app(verified: bool) -> AppView {
    AppView {
        logo: Logo::parse("https://growth-chart.example/logo.png"),
        client_uri: WebLink::parse("https://growth-chart.example/"),
        policy_uri: WebLink::parse("https://growth-chart.example/privacy"),
        tos_uri: WebLink::parse("https://growth-chart.example/terms"),
        ..AppView::new("Growth Chart", "https://growth-chart.example/callback", verified)
    }
}
fn sign_in<'a>() -> SignInPage<'a> {
    SignInPage {
        site_title: DisplayText::of("Lakeside Family Practice"),
        app: Some(app(true)),
        form: form(),
        form_targets: FormTargets::then("https://growth-chart.example/callback"),
        username_hint: None,
        error: None,
        patient_directory: true,
        show_email: false,
        offer_remember: true,
    }
}
fn consent<'a>() -> ConsentPage<'a> {
    let scopes = "openid profile fhirUser launch/patient patient/Patient.rs patient/Observation.rs patient/MedicationRequest.rs \
                  patient/Condition.cruds offline_access acme:custom";
    let patient = |n: &str, label: &str| PatientChoice { value: n.into(), label: DisplayText::of(label), chosen: n == "2" };
    ConsentPage {
        site_title: DisplayText::of("Lakeside Family Practice"),
        app: app(true),
        form: form(),
        form_targets: FormTargets::then("https://growth-chart.example/callback"),
        username: DisplayText::of("amelia.park"),
        switch_user: Some("/oauth2/default/login?switch=1"),
        groups: ScopeChoice::groups(&ScopeSet::parse(scopes).unwrap()),
        claims: ClaimChoice::beyond(
            &["name"].into(),
            &crate::event::AskedClaims { userinfo: vec!["birthdate".into(), "name".into()], id_token: vec!["birthdate".into()] },
        ),
        offline: Some(OfflineChoice { until: Some("14 February 2027".into()) }),
        patients: vec![patient("1", "Jonas Park, born 2 May 2019"), patient("2", "Mira Park, born 11 August 2016")],
        error: None,
    }
}
fn error_page<'a>(title: &'a str, sentence: &'a str) -> ErrorPage<'a> {
    ErrorPage {
        site_title: DisplayText::of("Lakeside Family Practice"),
        title,
        sentence,
        code: ErrorCode::InvalidRequest,
        request_id: IdSeed::from_bytes([3; 16]).id(),
        next: Some(NextStep { label: "Start again", href: "/oauth2/default/account" }),
    }
}

/// The page as its whole answer; its name is for messages.
async fn show(name: &str, page: &impl Page) -> (String, String) {
    let response = html(StatusCode::OK, page);
    assert_eq!(response.headers()["content-type"], "text/html;charset=UTF-8");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    let body = text(response).await;
    assert!(body.contains("<html lang=\"en\">") && body.contains("<title>"), "{name}");
    assert!(policy.contains("frame-ancestors 'none'") && policy.starts_with("default-src 'none'"), "{name}");
    let style = body.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    assert!(policy.contains(&style::hash_source(style)), "{name}: the style sheet in the page is not the one the policy allows");
    for label in body.split("<label for=\"").skip(1) {
        let id = label.split('"').next().unwrap();
        assert!(body.contains(&format!("id=\"{id}\"")), "{name}: a label for nothing");
    }
    (body, policy)
}

fn count(body: &str, part: &str) -> usize {
    body.matches(part).count()
}

#[tokio::test]
async fn the_sign_in_page_has_what_scripted_browsers_look_for() {
    let (body, policy) = show("sign-in", &sign_in()).await;
    assert!(body.contains("<h1>Sign in</h1>"));
    assert!(body.contains("name=\"username\"") && body.contains("autocomplete=\"username\"") && body.contains("type=\"password\""));
    assert_eq!(count(&body, "class=\"primary\""), 1);
    assert!(body.contains("value=\"portal-api\"") && !body.contains("name=\"email\""));
    assert!(body.contains("privacy policy") && body.contains("terms of service"));
    assert!(
        body.contains("name=\"interaction\" value=\"int_AAECAwQFBgcICQoLDA0ODw\"") && body.contains("name=\"csrf_token\" value=\"c0ffee\"")
    );
    assert!(policy.contains("form-action 'self' https:") && !policy.contains("script"));
    assert!(!body.contains("<script") && !body.contains("Nobody here has checked"));
    assert_eq!((count(&body, "src="), count(&body, "src=\"https://growth-chart.example/logo.png\"")), (1, 1), "nothing else is loaded");
    assert!(policy.contains("img-src https://growth-chart.example;"));
    assert_eq!(count(&body, "autofocus"), 1);
}

#[tokio::test]
async fn an_error_is_announced_and_tied_to_the_fields() {
    let error = Some("The user name or the password is not right.");
    let page = SignInPage { error, username_hint: Some("amelia"), show_email: true, ..sign_in() };
    let (body, _) = show("sign-in-error", &page).await;
    assert!(body.contains("id=\"error\" role=\"alert\"") && body.contains("The user name or the password is not right."));
    assert_eq!(count(&body, "aria-describedby=\"error\""), 2);
    assert!(body.contains("value=\"amelia\"") && body.contains("<title>Error: Sign in") && body.contains("name=\"email\""));
}

#[tokio::test]
async fn an_unchecked_app_is_named_by_its_host_before_anything_is_sent_to_it() {
    let (body, _) = show("sign-in-unverified", &SignInPage { app: Some(app(false)), ..sign_in() }).await;
    assert!(
        body.contains("Nobody here has checked this app.") && count(&body, "<strong class=\"host\">growth-chart.example</strong>") == 2
    );
    let (body, _) = show("consent-unverified", &ConsentPage { app: app(false), patients: vec![], ..consent() }).await;
    assert!(
        body.contains("Nobody here has checked this app.") && count(&body, "<strong class=\"host\">growth-chart.example</strong>") == 2
    );
}

#[tokio::test]
async fn a_person_who_comes_alone_signs_in_without_an_app() {
    let (body, _) =
        show("sign-in-alone", &SignInPage { app: None, patient_directory: false, form_targets: FormTargets::own(), ..sign_in() }).await;
    assert!(!body.contains("portal-api") && !body.contains("growth-chart"));
}

#[tokio::test]
async fn the_second_step_takes_six_digits_and_no_password() {
    let page = SecondFactorPage {
        site_title: DisplayText::of("Lakeside Family Practice"),
        form: form(),
        form_targets: FormTargets::own(),
        error: Some("That code is not right."),
    };
    let (body, _) = show("second-factor", &page).await;
    assert!(body.contains("name=\"mfa_token\"") && body.contains("one-time-code") && !body.contains("type=\"password\""));
    assert_eq!(count(&body, "class=\"primary\""), 1);
}

#[tokio::test]
async fn consent_can_be_given_in_part_and_refused_with_one_button() {
    let (body, policy) = show("consent", &consent()).await;
    assert_eq!(count(&body, "class=\"primary\""), 1);
    assert!(body.contains("class=\"primary\" name=\"decision\" value=\"allow\"") && body.contains("name=\"decision\" value=\"deny\""));
    assert!(body.contains("<input type=\"hidden\" name=\"scope\" value=\"openid\"><input type=\"checkbox\" checked disabled>"));
    assert_eq!(count(&body, "type=\"checkbox\" name=\"scope\""), 9);
    assert_eq!(count(&body, "value=\"offline_access\""), 1);
    assert!(body.contains("Read your observations (lab results, vital signs)") && body.contains("14 February 2027"));
    assert!(body.contains("<option value=\"2\" selected>Mira Park") && count(&body, "\" selected>") == 1);
    assert!(body.contains("amelia.park") && policy.contains("form-action 'self' https:"));
}

#[tokio::test]
async fn signing_out_is_asked_and_told() {
    let page = SignOutPage {
        site_title: DisplayText::of("Lakeside Family Practice"),
        username: Some(DisplayText::of("amelia.park")),
        app_name: Some(DisplayText::of("Growth Chart")),
        error: None,
        form: form(),
        form_targets: FormTargets::own(),
    };
    let (body, _) = show("sign-out", &page).await;
    assert_eq!(count(&body, "role=\"alert\""), 0);
    assert_eq!(count(&body, "class=\"primary\""), 1);
    let back_to = WebLink::parse("https://growth-chart.example/").map(|link| (DisplayText::of("Growth Chart"), link));
    let (body, policy) = show(
        "signed-out",
        &SignedOutPage {
            title: "Signed out",
            site_title: DisplayText::of("Lakeside Family Practice"),
            sentence: "You have been signed out. Thank you.",
            back_to,
        },
    )
    .await;
    assert!(body.contains("<h1>Signed out</h1>") && policy.contains("form-action 'none'"));
}

#[tokio::test]
async fn an_error_page_tells_the_code_and_the_requests_id() {
    let sentence = "The app asked to send you to an address (redirect_uri) that it has not registered. Nothing was sent.";
    let page = error_page("This sign-in link does not work", sentence);
    let (body, _) = show("error", &page).await;
    assert!(body.contains("redirect_uri") && body.contains("invalid_request") && body.contains(&page.request_id.to_string()));
}

#[tokio::test]
async fn the_way_to_an_unchecked_app_is_a_link_that_names_its_host() {
    let page = OnwardPage {
        site_title: DisplayText::of("Lakeside"),
        app: AppView::new(HOSTILE, "https://evil.example/x", false),
        onward: Onward::Link("https://evil.example/x?error=invalid_scope&state=%22%3E".to_owned()),
        code: ErrorCode::InvalidScope,
        request_id: error_page("", "").request_id,
    };
    let (body, policy) = show("onward", &page).await;
    assert!(body.contains("href=\"https://evil.example/x?error=invalid_scope&#38;state=%22%3E\" rel=\"noreferrer\""));
    assert!(count(&body, "<strong class=\"host\">evil.example</strong>") == 2 && policy.contains("form-action 'none'"));
    assert!(!body.contains(HOSTILE));
}

#[tokio::test]
async fn the_way_to_an_unchecked_app_that_wants_a_form_is_a_button() {
    let page = OnwardPage {
        site_title: DisplayText::of("Lakeside"),
        app: AppView::new("App", "https://evil.example/x", false),
        onward: Onward::Form { action: "https://evil.example/x", fields: vec![("error", "invalid_scope"), ("state", HOSTILE)] },
        code: ErrorCode::InvalidScope,
        request_id: error_page("", "").request_id,
    };
    let (body, policy) = show("onward-form", &page).await;
    assert!(body.contains("<form method=\"post\" action=\"https://evil.example/x\">") && body.contains("id=\"onward\""));
    assert!(policy.contains("form-action 'self' https:") && !policy.contains("script"), "{policy}");
    assert!(!body.contains(HOSTILE) && !body.contains("<script"), "nothing is sent before somebody presses");
}

#[tokio::test]
async fn a_form_post_page_sends_itself_by_the_one_script_its_policy_knows() {
    let fields = vec![("code", "abc"), ("state", HOSTILE)];
    let page = FormPostPage { site_title: DisplayText::of("Lakeside"), action: "https://app.example/cb?a=1&b=2", fields };
    let (body, policy) = show("form-post", &page).await;
    let script = body.split_once("<script>").unwrap().1.split_once("</script>").unwrap().0;
    assert!(policy.contains(&format!("script-src {}", style::hash_source(script))));
    assert_eq!(count(&body, "<script>"), 1);
    assert!(body.contains("https://app.example/cb?a=1&#38;b=2"));
}

#[tokio::test]
async fn nothing_a_stranger_chose_becomes_markup() {
    let hostile = AppView {
        logo: Logo::parse("https://h.example/\"onx='"),
        policy_uri: WebLink::parse("https://h.example/\"onx='"),
        tos_uri: WebLink::parse(HOSTILE),
        ..AppView::new(HOSTILE, "https://h.example/\"><script>", false)
    };
    assert!(hostile.logo.is_some() && hostile.policy_uri.is_some() && hostile.tos_uri.is_none());
    let site_title = DisplayText::of(HOSTILE);
    let page = SignInPage {
        site_title: site_title.clone(),
        app: Some(hostile.clone()),
        username_hint: Some(HOSTILE),
        error: Some(HOSTILE),
        ..sign_in()
    };
    let (sign_in, _) = show("hostile-sign-in", &page).await;
    let patients = vec![PatientChoice { value: HOSTILE.into(), label: DisplayText::of(HOSTILE), chosen: true }];
    let page = ConsentPage { site_title: site_title.clone(), app: hostile, username: DisplayText::of(HOSTILE), patients, ..consent() };
    let (consent, _) = show("hostile-consent", &page).await;
    let (error, _) = show("hostile-error", &error_page(HOSTILE, HOSTILE)).await;
    for body in [sign_in, consent, error] {
        assert!(!body.contains("<script>") && !body.contains("\"onx"), "{body}");
        assert!(!body.split_once("<h1>").unwrap().1.split("</h1>").next().unwrap().contains('\u{202e}') || body.contains("role=\"alert\""));
    }
}
