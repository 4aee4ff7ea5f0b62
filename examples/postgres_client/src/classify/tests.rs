use super::*;

#[test]
fn a_state_is_classified_by_what_it_says_of_the_server() {
    let kind = |state: &SqlState| match by_state(Some(state)) {
        Outcome::Failure(kind) => Some(kind),
        _ => None,
    };
    for (state, expected) in [
        (SqlState::QUERY_CANCELED, Some(FailureKind::Timeout)),
        (SqlState::LOCK_NOT_AVAILABLE, Some(FailureKind::Timeout)),
        (SqlState::CANNOT_CONNECT_NOW, Some(FailureKind::Overload)),
        (SqlState::TOO_MANY_CONNECTIONS, Some(FailureKind::Overload)),
        (SqlState::DISK_FULL, Some(FailureKind::Overload)),
        (SqlState::ADMIN_SHUTDOWN, Some(FailureKind::Connect)),
        (SqlState::CRASH_SHUTDOWN, Some(FailureKind::Connect)),
        (SqlState::CONNECTION_FAILURE, Some(FailureKind::Connect)),
        (SqlState::IO_ERROR, Some(FailureKind::Server)),
        (SqlState::DATA_CORRUPTED, Some(FailureKind::Server)),
        (SqlState::UNIQUE_VIOLATION, None),
        (SqlState::SYNTAX_ERROR, None),
        (SqlState::T_R_SERIALIZATION_FAILURE, None),
    ] {
        assert_eq!(kind(&state), expected, "{}", state.code());
    }
    assert_eq!(by_state(None), Outcome::Failure(FailureKind::Connect));
}
