//! Lenient kinds: how they are drawn.

use proptest::array::uniform9;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

use crate::model::Lenient;

/// Of all weights; seldom without kinds.
pub(crate) fn lenients() -> impl Strategy<Value = Lenient> {
    let kinds = prop_oneof![
        2 => Just([true; 9]),
        4 => uniform9(any::<bool>()),
        1 => Just([false; 9]),
    ];
    (kinds, 0..=7_u32).prop_map(|(kinds, eighths)| Lenient { kinds, eighths })
}

/// Each second of no weight.
pub(crate) fn lighter_lenients() -> impl Strategy<Value = Lenient> {
    let light = |lenient| Lenient {
        eighths: 0,
        ..lenient
    };
    prop_oneof![lenients(), lenients().prop_map(light)]
}

/// Of all weights; seldom with a weight that is refused, if there are kinds.
pub(crate) fn changed_lenients() -> impl Strategy<Value = Lenient> {
    let whole = |lenient| Lenient {
        eighths: 8,
        ..lenient
    };
    prop_oneof![12 => lenients(), 1 => lenients().prop_map(whole)]
}
