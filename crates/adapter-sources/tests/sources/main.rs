//! What every source must do, on each of the three databases, each test on a database of its own.

// Clippy takes only functions marked as tests for tests, not what these call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod attacked;
mod attacks;
mod changes;
mod database;
mod files;
mod gate;
mod limits;
mod own;
mod reading;
mod refusals;
mod roles;
mod schema;
mod sheets;
mod shop;
mod tls;
mod values;

use contracts::Dialect;
use database::Database;

/// Runs a case on a fresh database, and removes that whatever happens.
async fn on<F: Future<Output = ()> + Send + 'static>(dialect: Dialect, case: impl FnOnce(Database) -> F) {
    let database = Database::create(dialect).await;
    let outcome = tokio::spawn(case(database.clone())).await;
    database.remove().await;
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

macro_rules! suite {
    ($($module:ident :: $case:ident),* $(,)?) => {
        suite!(@dialect sqlite, Sqlite, $($module::$case),*);
        suite!(@dialect postgres, Postgres, $($module::$case),*);
        suite!(@dialect mysql, Mysql, $($module::$case),*);
    };
    (@dialect $name:ident, $dialect:ident, $($module:ident :: $case:ident),*) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::on(contracts::Dialect::$dialect, super::$module::$case).await;
                }
            )*
        }
    };
}

suite! {
    reading::the_version_is_told,
    reading::a_database_without_tables_is_warned_of,
    reading::an_empty_result_has_its_columns,
    reading::a_wrong_statement_says_what_is_wrong,
    reading::statements_run_side_by_side_within_the_bound,
    reading::an_unknown_database_or_file_is_a_setting,
    values::common_values_are_lossless,
    values::values_of_the_dialect_are_lossless,
    schema::tables_keys_comments_and_samples_are_found,
    schema::personal_columns_are_not_sampled,
    schema::composite_keys_views_and_odd_names_are_found,
    schema::discovery_stops_at_the_limits,
    schema::a_discovery_that_nobody_wants_any_more_ends_at_the_next_table,
    limits::rows_beyond_the_cap_are_cut_and_the_rest_is_stopped,
    limits::bytes_beyond_the_cap_are_cut,
    limits::a_slow_statement_is_stopped_in_the_database,
    limits::a_cancelled_statement_is_stopped_in_the_database,
    limits::a_statement_whose_caller_went_away_is_stopped_in_the_database,
    gate::a_statement_that_costs_too_much_does_not_run,
    gate::the_refusal_names_what_is_indexed,
    gate::a_dry_run_that_fails_is_the_statements_failure,
    gate::only_listed_tables_are_read,
    gate::a_plan_checks_all_and_runs_nothing,
    refusals::writes_are_refused,
    refusals::nothing_outlives_a_statement,
    changes::a_change_of_the_expected_rows_is_kept,
    changes::a_change_of_other_rows_is_undone,
    changes::a_change_that_fails_half_way_is_undone,
    changes::a_change_that_takes_too_long_is_undone,
    changes::a_change_that_was_stopped_before_does_not_begin,
    changes::triggers_of_the_database_run_and_are_undone_with_the_change,
    changes::only_the_approved_table_and_kind_change,
    changes::what_cannot_be_undone_is_not_begun,
    changes::sqlite_cascades_into_no_other_table,
    changes::a_url_that_cannot_write_is_said,
    changes::changes_count_as_statements_of_their_source,
    shop::the_sample_shop_has_the_same_numbers_everywhere,
    shop::the_sample_shop_is_not_loaded_over_another,
}
