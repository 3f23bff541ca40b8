//! A load on a real server in this process.

use super::process::Process;
use super::sample::{Sample, measure};
use super::{Seat, Workload, algorithms, controls};
use crate::control::{Alg, Kind};
use crate::flows::client::Person;
use crate::flows::target::Target;
use crate::flows::tests::{PASSWORD, served};
use std::time::Duration;
use writ::terms::SigningAlgorithm::{EdDsa, Rs256};

/// Two seats, each with a workload for so long.
async fn sample(seats: &mut Vec<Seat>, workload: Workload) -> Sample {
    let (warm_up, time) = (Duration::from_millis(20), Duration::from_millis(200));
    measure(seats, workload, warm_up, time, Process(std::process::id())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_workload_takes_turns_without_a_failure_and_a_broken_one_is_counted() {
    let (directory, ledger, server, issuer) = served().await;
    let target = Target::parse(&issuer).unwrap();
    let nobody = Target::admin(&directory.path().join("nobody.sock"));
    let person = Person { username: "ada".to_owned(), password: PASSWORD.to_owned() };
    let mut seats = Vec::new();
    for _ in 0..2 {
        seats.push(Seat::at_site(&target, &nobody, "default", person.clone(), EdDsa).await.unwrap());
    }
    for workload in [Workload::Discovery, Workload::CodeFlow, Workload::Refresh, Workload::Introspection] {
        let sample = sample(&mut seats, workload).await;
        assert_eq!(sample.failures, Default::default(), "{workload:?}");
        assert!(!sample.latencies.is_empty() && sample.memory.resident > 0 && sample.per_second() > 0.0, "{workload:?}");
        assert_eq!(seats.len(), 2);
    }
    let refused = sample(&mut seats, Workload::Registration).await;
    assert!(refused.failed() > 0 && refused.latencies.is_empty(), "nobody listens on that socket");
    drop(server);
    ledger.shut_down();
}

#[test]
fn each_control_server_is_started_once_and_rs256_comes_first() {
    assert_eq!(algorithms(&[]), [Rs256, EdDsa]);
    assert_eq!(algorithms(&[Alg(EdDsa), Alg(Rs256)]), [Rs256, EdDsa]);
    assert_eq!(algorithms(&[Alg(EdDsa)]), [EdDsa]);
    let wanted = [(Kind::Parse, EdDsa), (Kind::Sign, EdDsa), (Kind::Append, EdDsa)];
    assert_eq!(controls(&Workload::ALL, &[EdDsa]), wanted);
    assert_eq!(controls(&[Workload::CodeFlow], &[Rs256, EdDsa]), []);
}
