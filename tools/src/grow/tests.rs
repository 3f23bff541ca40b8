//! Small logs, grown and opened.

use super::*;
use writ::terms::SiteName;

fn grow(data: &Path, segment: bool) -> Grow {
    Grow { events: 400, data: Some(data.to_owned()), sites: 2, per_second: 5, segment, open: false, measure_open: None }
}

#[test]
fn what_has_grown_is_opened_and_folds_and_lies_in_the_past() {
    for segment in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let grown = run(&grow(&data, segment)).unwrap();
        assert!(grown.is_flawless() && grown.events >= 400, "{grown}");
        assert!(grown.to_string().lines().last().unwrap().contains("events/s"), "{grown}");
        let engine = if segment { EngineKind::File } else { EngineKind::Sled };
        assert!(opening::measure(&data, engine).unwrap().is_flawless());
        let settings = OpenSettings {
            directory: data.clone(),
            engine,
            master_key_file: None,
            clock: None,
            outbound: Default::default(),
            on_fatal: Box::new(|fatal| panic!("{fatal}")),
        };
        let ledger = Ledger::open(settings).unwrap();
        let names: Vec<SiteName> = ledger.sites().iter().map(|site| site.name().clone()).collect();
        assert_eq!(names, ["default".parse().unwrap(), "site-1".parse().unwrap()]);
        for site in ledger.sites() {
            assert!(site.durable().events > 150, "both sites grow");
            let (first, last) = site.read(|state| (state.site.as_ref().unwrap().changed, state.last_t));
            assert_eq!(first.0, 0);
            assert!(last < ledger.now() && last.plus_seconds(2 * 86_400) > ledger.now(), "{last}");
        }
        ledger.shut_down();
        assert!(matches!(run(&grow(&data, segment)), Err(GrowError::Exists(_))));
    }
}
