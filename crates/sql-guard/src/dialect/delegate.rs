//! Forwarding to the dialect that a guarded one is built on.

/// Forwards flags of `sqlparser::dialect::Dialect` to the dialect that is wrapped.
macro_rules! delegate_flags {
    ($inner:expr; $($flag:ident),+ $(,)?) => {
        $(fn $flag(&self) -> bool {
            $inner.$flag()
        })+
    };
}

/// Forwards tests of one character.
macro_rules! delegate_char_tests {
    ($inner:expr; $($test:ident),+ $(,)?) => {
        $(fn $test(&self, ch: char) -> bool {
            $inner.$test(ch)
        })+
    };
}

pub(super) use {delegate_char_tests, delegate_flags};
