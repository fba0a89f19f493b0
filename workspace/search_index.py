"""The full-text index behind `SearchEntry`: FTS5 on SQLite, tsvectors with a GIN index on PostgreSQL.

Only the database itself writes it: triggers keep it equal to the table, in the transaction of the row. Every term
begins with its owner's number, so that no search can meet, or be slowed by, what others wrote. In PostgreSQL it stands
outside of the wall: behind that no index could be asked for words. The projects it leads to are behind it.
"""

import hashlib
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeVar

from django.db import DatabaseError, OperationalError, connections, transaction
from django.db.models import BooleanField, Case, Expression, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

from workspace.search import Chunk, Query

Found = TypeVar("Found", bound=QuerySet[Any])

# The lower bits of a place in the index are the project's number, those above them its app's.
PROJECT_BITS = 40
# What a tag's term begins with, and every word that goes on to it.
TAG = "tag"
TAG_STARTS = [TAG[:length] for length in range(1, len(TAG) + 1)]
# PostgreSQL takes words for independent of each other: asked for all of a phrase it expects to find next to nothing,
# and reads every text that has them before it shows the first.
MOST_NARROWING = 2
# The ASCII tokenizer takes the terms as they are: they hold letters, digits and the dot, everything else was cut away.
SQLITE = {
    "workspace_searchindex": """CREATE VIRTUAL TABLE workspace_searchindex USING fts5(
        terms, content='workspace_searchentry', content_rowid='place',
        tokenize="ascii tokenchars '.'", detail=none, columnsize=0)""",
    "workspace_searchindex_insert": """CREATE TRIGGER workspace_searchindex_insert
        AFTER INSERT ON workspace_searchentry BEGIN
            INSERT INTO workspace_searchindex(rowid, terms) VALUES (new.place, new.terms);
        END""",
    "workspace_searchindex_delete": """CREATE TRIGGER workspace_searchindex_delete
        AFTER DELETE ON workspace_searchentry BEGIN
            INSERT INTO workspace_searchindex(workspace_searchindex, rowid, terms)
                VALUES ('delete', old.place, old.terms);
        END""",
    "workspace_searchindex_update": """CREATE TRIGGER workspace_searchindex_update
        AFTER UPDATE ON workspace_searchentry WHEN old.terms != new.terms OR old.place != new.place BEGIN
            INSERT INTO workspace_searchindex(workspace_searchindex, rowid, terms)
                VALUES ('delete', old.place, old.terms);
            INSERT INTO workspace_searchindex(rowid, terms) VALUES (new.place, new.terms);
        END""",
}
# The index has no list of waiting entries, which every search would have to read through.
POSTGRES = {
    "workspace_searchindex": """CREATE TABLE workspace_searchindex (
        project_id bigint PRIMARY KEY, app_id bigint NOT NULL, words tsvector NOT NULL)""",
    "workspace_searchindex_words": """CREATE INDEX workspace_searchindex_words ON workspace_searchindex
        USING gin (words) WITH (fastupdate = off)""",
    "workspace_searchindex_follow": """CREATE FUNCTION workspace_searchindex_follow() RETURNS trigger
        LANGUAGE plpgsql AS $$ BEGIN
            IF TG_OP = 'TRUNCATE' THEN
                TRUNCATE workspace_searchindex;
            ELSIF TG_OP = 'DELETE' THEN
                DELETE FROM workspace_searchindex WHERE project_id = OLD.project_id;
            ELSE
                INSERT INTO workspace_searchindex
                VALUES (NEW.project_id, NEW.place >> 40, array_to_tsvector(string_to_array(NEW.terms, ' ')))
                ON CONFLICT (project_id) DO UPDATE SET app_id = EXCLUDED.app_id, words = EXCLUDED.words;
            END IF;
            RETURN NULL;
        END $$""",
    "workspace_searchindex_write": """CREATE TRIGGER workspace_searchindex_write
        AFTER INSERT OR DELETE OR UPDATE OF terms, place ON workspace_searchentry
        FOR EACH ROW EXECUTE FUNCTION workspace_searchindex_follow()""",
    "workspace_searchindex_empty": """CREATE TRIGGER workspace_searchindex_empty AFTER TRUNCATE ON workspace_searchentry
        EXECUTE FUNCTION workspace_searchindex_follow()""",
}
PRESENT = {
    "sqlite": "SELECT name FROM sqlite_master",
    "postgresql": """SELECT relname FROM pg_class UNION SELECT proname FROM pg_proc
        UNION SELECT tgname FROM pg_trigger""",
}
FOUND = {
    "sqlite": "SELECT rowid & 1099511627775 FROM workspace_searchindex WHERE workspace_searchindex MATCH %s",
    "postgresql": "SELECT project_id FROM workspace_searchindex WHERE words @@ %s::tsquery",
}
COUNTED = {
    "sqlite": "SELECT rowid >> 40, count(*) FROM workspace_searchindex WHERE workspace_searchindex MATCH %s GROUP BY 1",
    "postgresql": "SELECT app_id, count(*) FROM workspace_searchindex WHERE words @@ %s::tsquery GROUP BY 1",
}
REFILL = {
    "sqlite": ["INSERT INTO workspace_searchindex(workspace_searchindex) VALUES ('rebuild')"],
    "postgresql": [
        "DELETE FROM workspace_searchindex",
        """INSERT INTO workspace_searchindex
        SELECT project_id, place >> 40, array_to_tsvector(string_to_array(terms, ' ')) FROM workspace_searchentry""",
    ],
}
SQLITE_CHECK = "INSERT INTO workspace_searchindex(workspace_searchindex, rank) VALUES ('integrity-check', 1)"
POSTGRES_DIFFERING = """SELECT count(*)
    FROM workspace_searchindex i FULL JOIN workspace_searchentry e USING (project_id)
    WHERE i.words IS DISTINCT FROM array_to_tsvector(string_to_array(e.terms, ' '))
    OR i.app_id IS DISTINCT FROM e.place >> 40"""


@dataclass(frozen=True, slots=True)
class Asked:
    """All of `terms` at once; the last of them may go on when it is `open`."""

    terms: tuple[str, ...]
    open: bool = False

    def words(self, vendor: str) -> str:
        """As the index of this database is asked for them."""
        if vendor == "sqlite":
            return " AND ".join(f'"{term}"' for term in self.terms) + ("*" if self.open else "")
        return " & ".join(f"'{term}'" for term in self.terms) + (":*" if self.open else "")


class InIndex(Expression):
    """Whether a project is in the index under what is `asked`."""

    output_field = BooleanField()

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self.asked = asked
        self.project: Any = F("pk")

    def get_source_expressions(self) -> list[Any]:
        return [self.project]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        (self.project,) = exprs

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        sql, params = compiler.compile(self.project)
        # SQLite would fetch the row of every project it finds; the plus lets it read an index of the list instead.
        plus = "+" if connection.vendor == "sqlite" else ""
        return f"{plus}{sql} IN ({FOUND[connection.vendor]})", (*params, self.asked.words(connection.vendor))


def place_of(app: int, project: int) -> int:
    """The number of a project of this app in the index."""
    return app << PROJECT_BITS | project


def matching(projects: Found, query: Query, owner: int) -> Found:
    """Those of the owner's `projects` that have every chunk of `query`."""
    if not query.chunks:
        return projects.none()
    found = projects.filter(InIndex(asked(query, owner)))
    # The index knows which words there are; whether they stand side by side, their stored order tells.
    for chunk in looked_up(query):
        found = found.filter(_has("found_by__about", chunk) | _has("found_by__body", chunk))
    return found


def looked_up(query: Query) -> list[Chunk]:
    """The chunks that the index cannot answer alone: phrases, and an unfinished word that tags are kept under."""
    return [*query.phrases, *(chunk for chunk in query.chunks if chunk.open and chunk.words[0] in TAG_STARTS)]


def asked(query: Query, owner: int, tag: str | None = None) -> Asked:
    """What the index is asked for the words of `query` and a tag; of phrases it is not asked for every word."""
    singles = [chunk for chunk in query.chunks if len(chunk.words) == 1]
    words = [*(chunk.words[0] for chunk in singles if not chunk.open), *_narrowing(query.phrases)]
    unfinished = [chunk.words[0] for chunk in singles if chunk.open]
    tags = [] if tag is None else [tag_term(tag)]
    every = [*dict.fromkeys([*tags, *words]), *unfinished]
    return Asked(tuple(f"{owner}.{word}" for word in every), bool(unfinished))


def _narrowing(phrases: list[Chunk]) -> list[str]:
    """The longest finished words of the phrases: the texts of what has these are read in any case."""
    words = dict.fromkeys(word for chunk in phrases for word in chunk.words[: len(chunk.words) - chunk.open])
    return sorted(words, key=len, reverse=True)[:MOST_NARROWING]


def counts(of: Asked, using: str = "default") -> dict[int, int]:
    """How many projects of each app, by its key, are in the index under what is asked, those in the trash included."""
    vendor = connections[using].vendor
    with connections[using].cursor() as cursor:
        cursor.execute(COUNTED[vendor], [of.words(vendor)])
        return dict(cursor.fetchall())


def tagged(projects: Found, tag: str, owner: int) -> Found:
    """Those of the owner's `projects` that have this very tag: JSON containment differs between databases."""
    return projects.filter(InIndex(asked(Query(()), owner, tag)))


def tag_term(tag: str) -> str:
    """What a tag is found by: a word that no text has, as the dot is never part of one."""
    return f"{TAG}.{hashlib.sha256(tag.encode()).hexdigest()[:24]}"


def relevance(query: Query) -> Expression:
    """How many chunks of `query` are in what describes a project, rather than in its text alone."""
    hits = [Case(When(_has("found_by__about", chunk), then=1), default=0) for chunk in query.chunks]
    return reduce(operator.add, hits, Value(0, output_field=IntegerField()))


def _has(field: str, chunk: Chunk) -> Q:
    return Q(GreaterThan(StrIndex(field, Value(chunk.needle)), 0))


def install(using: str = "default") -> None:
    """Create what is missing of the index, and fill it."""
    lacking = missing(using)
    statements = SQLITE if connections[using].vendor == "sqlite" else POSTGRES
    with connections[using].cursor() as cursor:
        for name in lacking:
            cursor.execute(statements[name])
    if lacking:
        refill(using)


def refill(using: str = "default") -> None:
    """Write the index anew from the table it follows."""
    with transaction.atomic(using), connections[using].cursor() as cursor:
        for statement in REFILL[connections[using].vendor]:
            cursor.execute(statement)


def is_sound(using: str = "default") -> bool:
    """Whether the index has exactly the terms of the table. SQLite takes its write lock for this."""
    is_sqlite = connections[using].vendor == "sqlite"
    with connections[using].cursor() as cursor:
        try:
            cursor.execute(SQLITE_CHECK if is_sqlite else POSTGRES_DIFFERING)
        except OperationalError:
            raise
        except DatabaseError:
            return False
        return is_sqlite or bool(cursor.fetchone() == (0,))


def missing(using: str = "default") -> list[str]:
    """Names of the parts of the index that should be there and are not, in the order to make them.

    None where the table it follows is not there, or is that of an earlier migration."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if not _has_places(connection, cursor):
            return []
        cursor.execute(PRESENT[connection.vendor])
        present = {row[0] for row in cursor.fetchall()}
    return [name for name in (SQLITE if connection.vendor == "sqlite" else POSTGRES) if name not in present]


def _has_places(connection: Any, cursor: Any) -> bool:
    table = "workspace_searchentry"
    if table not in connection.introspection.table_names(cursor):
        return False
    return "place" in {column.name for column in connection.introspection.get_table_description(cursor, table)}
