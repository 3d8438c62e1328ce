//! The two modes, for cases that hold in both.

use app::Overrides;
use testkit::World;

#[derive(Clone, Copy)]
pub enum Mode {
    Embedded,
    Distributed,
}

impl Mode {
    /// For figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Distributed => "distributed",
        }
    }

    /// The whole application with the sample shop, with these settings.
    pub async fn world(self, pairs: &[(&str, String)]) -> World {
        match self {
            Self::Embedded => World::embedded(pairs).await,
            Self::Distributed => World::distributed(pairs).await,
        }
    }

    /// As `world`, with ports of the test's own.
    pub async fn world_with(self, pairs: &[(&str, String)], overrides: Overrides) -> World {
        match self {
            Self::Embedded => World::embedded_with(pairs, overrides).await,
            Self::Distributed => World::distributed_with(pairs, overrides).await,
        }
    }
}

/// A test of each case in each mode.
macro_rules! in_both_modes {
    ($($case:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() { super::$case($crate::mode::Mode::Embedded).await; })*
        }
        mod distributed {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() { super::$case($crate::mode::Mode::Distributed).await; })*
        }
    };
}
