//! What a password costs, and what it is held against.

use futures_util::future::join_all;

use super::*;
use crate::AccountOptions;

#[tokio::test]
async fn a_password_is_held_against_its_hash_and_a_weak_hash_is_outdated() {
    let hasher = Hasher::new(COST);
    let kept = hasher.hash("correct horse").await.unwrap();
    assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
    assert_eq!(hasher.verify("correct horse", Some(&kept)).await.unwrap(), Verdict::Right);
    assert_eq!(hasher.verify("Correct horse", Some(&kept)).await.unwrap(), Verdict::Wrong);
    assert_eq!(hasher.verify("correct horse", None).await.unwrap(), Verdict::Wrong);
    assert_eq!(hasher.verify("old", Some(&cheap("old"))).await.unwrap(), Verdict::Outdated);
    assert_ne!(hasher.hash("correct horse").await.unwrap(), kept, "each has a salt of its own");
}

#[tokio::test]
async fn a_hash_for_tests_is_of_the_least_cost_and_outdated_where_it_is_not_wanted() {
    let tests = Hasher::new(AccountOptions::new("/sign-in").with_weak_hashes_for_tests().hash_cost());
    let kept = tests.hash("correct horse").await.unwrap();
    assert!(kept.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{kept}");
    assert_eq!(tests.verify("correct horse", Some(&kept)).await.unwrap(), Verdict::Right);
    assert_eq!(tests.verify("Correct horse", Some(&kept)).await.unwrap(), Verdict::Wrong);
    assert_eq!(Hasher::new(COST).verify("correct horse", Some(&kept)).await.unwrap(), Verdict::Outdated);
}

#[tokio::test]
async fn a_hash_is_outdated_where_its_memory_or_its_work_is_less_than_that_of_today() {
    let Cost { memory, passes, .. } = COST;
    for (memory, passes, expected) in [
        (memory, passes + 1, Verdict::Right),
        (memory * 2, passes - 1, Verdict::Right),
        (memory + 1, passes, Verdict::Right),
        (memory, passes - 1, Verdict::Outdated),
        (memory + 1, passes - 1, Verdict::Outdated),
        (memory - 8, passes * 2, Verdict::Outdated),
    ] {
        let kept = foreign("old", memory, passes);
        assert_eq!(Hasher::new(COST).verify("old", Some(&kept)).await.unwrap(), expected, "{kept}");
    }
}

#[tokio::test]
async fn many_passwords_at_once_are_hashed_in_memory_that_is_used_again_and_freed_after_them() {
    let hasher = Hasher::new(COST);
    let kept = hasher.hash("correct horse").await.unwrap();
    let passwords = (0..6).map(|number| if number % 2 == 0 { "correct horse" } else { "wrong horse" });
    let verdicts = join_all(passwords.map(|password| hasher.verify(password, Some(&kept)))).await;
    let verdicts: Vec<_> = verdicts.into_iter().map(Result::unwrap).collect();
    assert_eq!(verdicts, [Verdict::Right, Verdict::Wrong].repeat(3));
    assert!(hasher.memory.is_empty());
}

#[tokio::test]
async fn a_hash_that_panics_gives_its_turn_and_all_memory_back() {
    let hasher = Hasher::new(COST);
    (0..2).for_each(|_| hasher.memory.keep(vec![Block::new(); 64]));
    let error = hasher.run(64, |_| -> Result<(), _> { panic!("in argon2") }).await.unwrap_err();
    assert!(error.to_string().contains("in argon2"), "{error}");
    assert!(hasher.memory.is_empty());
    assert_eq!(hasher.turns.available_permits(), hasher.at_once);
    assert_eq!(hasher.places.available_permits(), hasher.at_once * (1 + WAITING));
}

#[tokio::test]
async fn a_hash_of_another_program_that_asks_for_too_much_takes_what_one_of_today_takes_and_is_an_error() {
    for cost in ["m=4194304,t=1000,p=1", "m=262145,t=1,p=4", "m=262144,t=5,p=1", "m=19456,t=4294967295,p=1"] {
        let (hasher, kept) = (Hasher::new(COST), format!("$argon2id$v=19${cost}$AAAAAAAAAAAAAAAAAAAAAA$AAAA"));
        let error = hasher.verify("x", Some(&kept)).await.unwrap_err().to_string();
        let asked = cost.replace(',', ", ");
        assert!(error.starts_with(&format!("the hash that is kept of the password asks for {asked};")), "{error}");
        assert_eq!(*hasher.costs(), [COST]);
    }
    let largest = Cost { memory: MOST_MEMORY, passes: 4, lanes: 4 };
    assert!(!largest.is_too_much() && !COST.is_too_much());
}

#[tokio::test]
async fn what_is_no_hash_takes_what_one_takes_and_is_an_error() {
    let (salt, hash) = ("AAAAAAAAAAAAAAAAAAAAAA", "A".repeat(43));
    for text in [
        String::new(),
        "plain".to_owned(),
        "$argon2id$v=19$m=64,t=1,p=1$".to_owned(),
        format!("$argon2i$v=19$m=64,t=1,p=1${salt}${hash}"),
        format!("$argon2id$v=19$m=64,t=1,p=1${salt}$AAAA"),
        format!("$argon2id$v=19$m=64,t=1,p=1$AAAA${hash}"),
        format!("$argon2id$v=19$m=4,t=1,p=1${salt}${hash}"),
        format!("$argon2id$v=19$m=64,t=0,p=1${salt}${hash}"),
        "$2b$10$abc".to_owned(),
    ] {
        let hasher = Hasher::new(COST);
        let error = hasher.verify("x", Some(&text)).await.unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(KeptError::NoHash)), "{text}: {error}");
        assert_eq!(*hasher.costs(), [COST], "{text}");
    }
}

/// Polls what waits, so that it takes what it can have.
async fn begin<T>(work: impl Future<Output = T>) -> std::pin::Pin<Box<impl Future<Output = T>>> {
    let mut work = Box::pin(work);
    assert!(futures_util::poll!(&mut work).is_pending());
    work
}

/// Works until `end` is there, or gone.
fn until(
    end: std::sync::mpsc::Receiver<()>,
) -> impl FnOnce(&mut Vec<Block>) -> Result<(), argon2::Error> + Send + 'static {
    move |_| {
        assert!(end.recv().is_err(), "its sender is gone");
        Ok(())
    }
}

#[tokio::test]
async fn large_hashes_wait_for_room_and_small_ones_go_on_beside_one() {
    let hasher = Hasher::with(4, COST);
    let half = MOST_MEMORY / 2;
    let (sender, end) = std::sync::mpsc::channel();
    let first = begin(hasher.run(half + 1, until(end))).await;
    let small = hasher.hash("correct horse").await.unwrap();
    assert_eq!(hasher.verify("correct horse", Some(&small)).await.unwrap(), Verdict::Right);
    let second = begin(hasher.run(half, |_| Ok(()))).await;
    assert_eq!(hasher.room.available_permits(), 0, "it keeps what is left for itself");
    let third = begin(hasher.run(64, |_| Ok(()))).await;
    drop(sender);
    assert!(first.await.is_ok() && second.await.is_ok() && third.await.is_ok(), "in turn");
    assert_eq!(hasher.room.available_permits(), MOST_MEMORY as usize);
}

#[tokio::test]
async fn the_memory_of_a_large_hash_is_freed_after_it() {
    let hasher = Hasher::with(2, COST);
    let (sender, end) = std::sync::mpsc::channel();
    let small = begin(hasher.run(64, until(end))).await;
    let large = foreign("correct horse", COST.memory + 8, 1);
    assert_eq!(hasher.verify("correct horse", Some(&large)).await.unwrap(), Verdict::Outdated);
    assert!(hasher.memory.is_empty(), "and the turn of another goes on");
    hasher.hash("correct horse").await.unwrap();
    assert!(!hasher.memory.is_empty());
    drop(sender);
    small.await.unwrap();
}

#[test]
fn a_password_has_eight_characters_at_least_whatever_they_are() {
    assert_eq!(problem("ääääääää"), None);
    assert!(problem("1234567").is_some_and(|problem| problem.contains("fewer than 8")));
    assert!(problem(&"x".repeat(1001)).is_some_and(|problem| problem.contains("more than 1000")));
}
