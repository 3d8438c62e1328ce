//! Whether an expression gives on a value that is meant.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Select, SelectItem, Visitor};

use super::Tracer;

/// Looks for a value that is meant.
pub(super) struct Mention<'t, 'a> {
    tracer: &'t Tracer<'a>,
    /// How deep it is in what gives no value on.
    silent: usize,
}

impl<'t, 'a> Mention<'t, 'a> {
    pub(super) fn new(tracer: &'t Tracer<'a>) -> Self {
        Self { tracer, silent: 0 }
    }
}

impl Visitor for Mention<'_, '_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.silent > 0 || is_silent(expr) {
            self.silent += usize::from(is_silent(expr));
            return ControlFlow::Continue(());
        }
        match self.tracer.plain_name(expr) {
            Some(name) if self.tracer.is_carried(&name) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.silent -= usize::from(is_silent(expr));
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let is_wild = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
        if self.silent == 0 && select.projection.iter().any(is_wild) && self.tracer.is_anywhere() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

/// What tells of a value, and does not give it on.
fn is_silent(expr: &Expr) -> bool {
    match expr {
        Expr::Function(function) => {
            let name = function.name.0.last().and_then(|part| part.as_ident());
            name.is_some_and(|name| name.value.eq_ignore_ascii_case("count"))
        }
        Expr::BinaryOp { op, .. } => matches!(
            op,
            BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq
                | BinaryOperator::Spaceship
                | BinaryOperator::And
                | BinaryOperator::Or
        ),
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::Between { .. }
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Exists { .. } => true,
        _ => false,
    }
}
