//! What the OpenID Connect conformance suites assert, module by module, under the suites' own names; `docs/conformance.md` says which
//! test stands for which module. A module that several plans have runs for each response type and mode.

mod checks;
mod client;
mod dynamic;
mod logout;
mod modules;
mod plan;

use modules::{DYNAMIC, DYNAMIC_WITH_A_CODE, EVERY_PLAN, Module, NEED_A_CODE};
use plan::Plan;

async fn run(name: &'static str, response_type: &'static str, form_post: bool) {
    let plan = Plan::new(name, response_type, form_post, "client_secret_basic").await;
    each(&plan, EVERY_PLAN, NEED_A_CODE).await;
}

async fn each(plan: &Plan, modules: &[Module], with_a_code: &[Module]) {
    for (module, check) in modules.iter().chain(with_a_code.iter().filter(|_| plan.has("code"))) {
        eprintln!("{} ({}): {module}", plan.name, plan.response_type);
        check(plan.clone()).await;
        plan.is_over().await;
    }
}

#[tokio::test]
async fn oidcc_basic() {
    run("oidcc-basic", "code", false).await;
}

#[tokio::test]
async fn oidcc_implicit() {
    for response_type in ["id_token", "id_token token"] {
        run("oidcc-implicit", response_type, false).await;
    }
}

#[tokio::test]
async fn oidcc_hybrid() {
    for response_type in ["code id_token", "code token", "code id_token token"] {
        run("oidcc-hybrid", response_type, false).await;
    }
}

#[tokio::test]
async fn oidcc_formpost_basic() {
    run("oidcc-formpost-basic", "code", true).await;
}

#[tokio::test]
async fn oidcc_formpost_implicit() {
    for response_type in ["id_token", "id_token token"] {
        run("oidcc-formpost-implicit", response_type, true).await;
    }
}

#[tokio::test]
async fn oidcc_formpost_hybrid() {
    for response_type in ["code id_token", "code token", "code id_token token"] {
        run("oidcc-formpost-hybrid", response_type, true).await;
    }
}

/// Whoever runs it chooses the response type.
#[tokio::test]
async fn oidcc_dynamic() {
    for response_type in ["code", "id_token token", "code id_token"] {
        let plan = Plan::new("oidcc-dynamic", response_type, false, "private_key_jwt").await;
        each(&plan, DYNAMIC, DYNAMIC_WITH_A_CODE).await;
    }
}
