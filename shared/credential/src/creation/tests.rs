use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn password(event: &str, user: &str, when: &str) -> Creation {
    Creation {
        event: event.to_owned(),
        act: CreationAct::CreateLoginProfile,
        credential: CredentialId::ConsolePassword,
        user: user.parse().unwrap(),
        user_id: None,
        creator: Creator {
            principal: Principal::Role("arn:aws:iam::123456789012:role/admin".parse().unwrap()),
            session: Some("dana".to_owned()),
            source_identity: None,
            invoked_by: None,
        },
        source: "198.51.100.7".to_owned(),
        mfa: Some(true),
        at: at(when),
        region: "us-east-1".to_owned(),
    }
}

#[test]
fn every_kind_that_a_user_holds_has_the_act_that_creates_it() {
    for kind in CredentialKind::OF_USERS {
        assert_eq!(CreationAct::creating(kind).unwrap().kind(), kind);
    }
    assert_eq!(CreationAct::creating(CredentialKind::TlsCertificate), None);
    for act in CreationAct::ALL {
        assert_eq!(act.as_str().parse(), Ok(*act));
    }
    assert!("DeleteAccessKey".parse::<CreationAct>().is_err());
}

#[test]
fn an_event_that_comes_twice_is_known_once_and_the_order_of_coming_is_irrelevant() {
    let (early, late) =
        (password("a", "alice", "2026-01-01T00:00:00Z"), password("b", "alice", "2026-01-01T00:01:00Z"));
    let creations: Creations = [late.clone(), early.clone(), late.clone()].into_iter().collect();
    assert_eq!(creations.len(), 2);
    assert!(creations.knows(&early));
    let name = "alice".parse().unwrap();
    let found = creations.of(&CredentialId::ConsolePassword, &name, at("2026-01-01T00:00:00Z"));
    assert_eq!(found, [&early, &late]);
}

#[test]
fn a_password_is_told_from_an_earlier_one_of_the_same_name_by_its_date() {
    let creations: Creations = [password("a", "alice", "2026-01-01T00:00:00Z")].into_iter().collect();
    let name = "alice".parse().unwrap();
    let count = |created| creations.of(&CredentialId::ConsolePassword, &name, at(created)).len();
    assert_eq!(count("2026-01-01T00:05:00Z"), 1);
    assert_eq!(count("2026-01-01T00:05:01Z"), 0);
    let other = "bob".parse().unwrap();
    assert!(creations.of(&CredentialId::ConsolePassword, &other, at("2026-01-01T00:00:00Z")).is_empty());
}

#[test]
fn an_event_is_certain_to_be_absent_two_hours_after_it_would_have_happened() {
    let coverage = |asked| Coverage { from: at("2026-01-01T00:00:00Z"), asked: at(asked), unreadable: vec![] };
    assert!(!coverage("2026-01-02T01:59:59Z").covers(at("2026-01-02T00:00:00Z")));
    assert!(coverage("2026-01-02T02:00:00Z").covers(at("2026-01-02T00:00:00Z")));
    assert!(!coverage("2026-01-02T02:00:00Z").covers(at("2025-12-31T23:59:59Z")), "nobody asked for it");
}

#[test]
fn an_event_that_could_not_be_read_may_be_the_one_that_is_missing() {
    let unreadable = vec![Unreadable { at: at("2026-01-02T00:00:00Z"), event: "e".to_owned() }];
    let coverage = Coverage { from: at("2026-01-01T00:00:00Z"), asked: at("2026-01-09T00:00:00Z"), unreadable };
    assert!(!coverage.covers(at("2026-01-02T00:05:00Z")));
    assert!(coverage.covers(at("2026-01-02T00:05:01Z")));
}

#[test]
fn an_intent_covers_what_happens_from_its_writing_to_its_settling() {
    let user: UserId = "AIDACKCEVSQ6C2EXAMPLE".parse().unwrap();
    let credential: CredentialId = "AKIAIOSFODNN7EXAMPLE".parse().unwrap();
    let mut provenance = Provenance::since(at("2026-01-01T00:00:00Z"));
    let intent = |until| Intended {
        user: user.clone(),
        credential: credential.clone(),
        from: at("2026-01-02T00:00:00Z"),
        until,
    };
    provenance.intents = vec![intent(Some(at("2026-01-02T01:00:00Z")))];
    assert!(provenance.intended(&user, &credential, at("2026-01-02T00:30:00Z")));
    assert!(!provenance.intended(&user, &credential, at("2026-01-01T23:54:59Z")));
    assert!(!provenance.intended(&user, &credential, at("2026-01-02T01:05:01Z")));
    assert!(!provenance.intended(&user, &"AKIAI44QH8DHBEXAMPLE".parse().unwrap(), at("2026-01-02T00:30:00Z")));
    provenance.intents = vec![intent(None)];
    assert!(provenance.intended(&user, &credential, at("2026-01-05T00:00:00Z")));
}

#[test]
fn a_creator_is_written_with_its_session() {
    assert_eq!(
        password("a", "alice", "2026-01-01T00:00:00Z").creator.to_string(),
        "arn:aws:iam::123456789012:role/admin (session dana)"
    );
}
