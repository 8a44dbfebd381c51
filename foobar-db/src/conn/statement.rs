use std::any::Any;
use std::cell::Cell;

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::internal::derives::multiconnection::AstPassHelper;
#[cfg(feature = "mysql")]
use diesel::mysql::{Mysql, MysqlQueryBuilder};
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};
use diesel::sql_types::Untyped;
#[cfg(feature = "sqlite")]
use diesel::sqlite::{Sqlite, SqliteQueryBuilder};

use super::MultiBackend;

/// A statement that either engine takes, as one of the engine that runs. Its text is written for whoever wants the text.
pub(super) struct Statement<T> {
    query: T,
    backend: MultiBackend,
}

type Text = <MultiBackend as Backend>::QueryBuilder;
type Values<'a> = <MultiBackend as Backend>::BindCollector<'a>;

impl<T: QueryFragment<MultiBackend>> Statement<T> {
    #[cfg(feature = "sqlite")]
    pub(super) const fn of_sqlite(query: T) -> Self {
        Self { query, backend: MultiBackend::Sqlite(Sqlite) }
    }

    #[cfg(feature = "mysql")]
    pub(super) const fn of_mysql(query: T) -> Self {
        Self { query, backend: MultiBackend::Mysql(Mysql) }
    }

    /// What Diesel asks of a statement beside its values.
    fn tell<'b, DB: Backend>(&'b self, mut pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if let Some((values, _)) = pass.debug_binds() {
            return self.query.walk_ast(AstPass::collect_debug_binds_pass(values, &self.backend));
        }
        if is_for_text(pass.reborrow()) {
            pass.push_sql(&self.text()?);
            return Ok(());
        }
        pass.push_sql(""); // for a pass that asks whether there is a text at all
        if !self.query.is_safe_to_cache_prepared(&self.backend)? {
            pass.unsafe_to_cache_prepared();
        }
        Ok(())
    }

    fn text(&self) -> QueryResult<String> {
        let mut text = match self.backend {
            #[cfg(feature = "sqlite")]
            MultiBackend::Sqlite(_) => Text::Sqlite(SqliteQueryBuilder::new()),
            #[cfg(feature = "mysql")]
            MultiBackend::Mysql(_) => Text::Mysql(MysqlQueryBuilder::new()),
        };
        self.query.to_sql(&mut text, &self.backend)?;
        Ok(text.finish())
    }

    fn collect_into<'b>(&'b self, values: &mut Values<'b>, lookup: &mut dyn Any) -> QueryResult<()> {
        self.query.collect_binds(values, lookup, &self.backend)
    }
}

/// Whether a pass writes the text of a statement: no other has a builder to convert.
fn is_for_text<DB: Backend>(pass: AstPass<'_, '_, DB>) -> bool {
    let has_builder = Cell::new(false);
    pass.cast_database::<DB>(
        |values| values,
        |builder| {
            has_builder.set(true);
            builder
        },
        |backend| backend,
        |lookup| lookup,
    );
    has_builder.get()
}

#[cfg(feature = "sqlite")]
impl<T: QueryFragment<MultiBackend>> QueryFragment<Sqlite> for Statement<T> {
    #[cfg_attr(not(feature = "mysql"), expect(irrefutable_let_patterns, reason = "there is one engine"))]
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let Some((collector, lookup)) = pass.bind_collector() else { return self.tell(pass) };
        let mut values = Values::Sqlite(Default::default());
        self.collect_into(&mut values, lookup)?;
        if let Values::Sqlite(values) = values {
            *collector = values;
        }
        Ok(())
    }
}

#[cfg(feature = "mysql")]
impl<T: QueryFragment<MultiBackend>> QueryFragment<Mysql> for Statement<T> {
    #[cfg_attr(not(feature = "sqlite"), expect(irrefutable_let_patterns, reason = "there is one engine"))]
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
        let Some((collector, lookup)) = pass.bind_collector() else { return self.tell(pass) };
        let mut values = Values::Mysql(Default::default());
        self.collect_into(&mut values, lookup)?;
        if let Values::Mysql(values) = values {
            *collector = values;
        }
        Ok(())
    }
}

impl<T: QueryId> QueryId for Statement<T> {
    type QueryId = T::QueryId;

    const HAS_STATIC_QUERY_ID: bool = T::HAS_STATIC_QUERY_ID;
}

impl<T: Query> Query for Statement<T> {
    type SqlType = Untyped; // `Conn` reads the values itself
}

#[cfg(feature = "sqlite")]
#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use diesel::connection::InstrumentationEvent;
    use diesel::debug_query;
    use diesel::prelude::*;

    use super::*;
    use crate::Conn;

    diesel::table! { users { id -> Integer, name -> Text } }

    /// An empty table, and how many statements have been kept since.
    fn connection() -> (Conn, Arc<AtomicUsize>) {
        let mut conn = Conn::Sqlite(crate::sqlite::tests::connection());
        diesel::sql_query("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
            .execute(&mut conn)
            .unwrap();
        let kept = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&kept);
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if matches!(event, InstrumentationEvent::CacheQuery { .. }) {
                count.fetch_add(1, Relaxed);
            }
        });
        (conn, kept)
    }

    #[test]
    fn a_statement_is_prepared_once_whatever_its_values() {
        let (mut conn, kept) = connection();
        for id in 1..=3 {
            diesel::insert_into(users::table)
                .values((users::id.eq(id), users::name.eq(format!("user {id}"))))
                .execute(&mut conn)
                .unwrap();
            let name: String = users::table.find(id).select(users::name).first(&mut conn).unwrap();
            assert_eq!(name, format!("user {id}"));
        }
        assert_eq!(kept.load(Relaxed), 2);
    }

    #[test]
    fn a_statement_whose_text_depends_on_its_values_is_not_kept() {
        let (mut conn, kept) = connection();
        for ids in [vec![1], vec![1, 2], vec![1, 2, 3]] {
            users::table.filter(users::id.eq_any(ids)).select(users::id).load::<i32>(&mut conn).unwrap();
        }
        assert_eq!(kept.load(Relaxed), 0);
    }

    #[test]
    fn a_statement_is_shown_with_its_values() {
        let statement = Statement::of_sqlite(users::table.filter(users::name.eq("Ann")).select(users::id));
        let shown = debug_query::<Sqlite, _>(&statement).to_string();
        assert_eq!(shown, "SELECT `users`.`id` FROM `users` WHERE (`users`.`name` = ?) -- binds: [\"Ann\"]");
    }
}
