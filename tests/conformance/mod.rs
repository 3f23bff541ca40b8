//! What the OpenID Connect conformance suites assert, module by module, under the suites' own names; `docs/conformance.md` says which
//! test stands for which module. A module that several plans have runs for each response type and mode.

mod dynamic;
mod logout;
mod modules;
mod plan;

use modules::{EVERY_PLAN, NEED_A_CODE};
use plan::{Plan, server};

async fn run(name: &'static str, response_type: &'static str, form_post: bool) {
    let plan = Plan { name, response_type, form_post, site: server().await.site("default") };
    for (module, check) in EVERY_PLAN {
        eprintln!("{name} ({response_type}): {module}");
        check(plan.clone()).await;
    }
    for (module, check) in NEED_A_CODE.iter().filter(|_| plan.has("code")) {
        eprintln!("{name} ({response_type}): {module}");
        check(plan.clone()).await;
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
