-- Terms that drive a tag: what their contributions add to the margin of documents that got the tag, and of the others.
--
--   duckdb -c "SET VARIABLE folder = 'warehouse'; SET VARIABLE tag = 'complaint'" -f docs/queries/driving_terms.sql
--
-- Thirty terms of the tag, or ten of every tag where the variable `tag` is not set. `drives` orders them: what the
-- average document with the tag got from the term, less what the average document without it got. `sum` and `mean` are of
-- the contributions themselves, over the documents that have the term. By version, so that one sees what a new one
-- changed. A calculation holds its leading terms only (20 per tag, unless more were asked for); the sum of all others is
-- `remainder` in `scores`.
WITH scored AS (
    SELECT tag, model, version,
        coalesce(sum(1 / sampling_probability) FILTER (selected), 0) AS selected,
        coalesce(sum(1 / sampling_probability) FILTER (NOT selected), 0) AS others
    FROM read_parquet(coalesce(getvariable('folder'), 'warehouse') || '/scores/*/*.parquet', hive_partitioning = true)
    WHERE purpose = 'production' AND explanation <> 'none' AND coalesce(tag = getvariable('tag'), true)
    GROUP BY ALL
),
terms AS (
    SELECT tag, model, version, feature,
        coalesce(sum(1 / sampling_probability) FILTER (selected), 0) AS documents,
        coalesce(sum(1 / sampling_probability) FILTER (NOT selected), 0) AS other_documents,
        coalesce(sum(contribution / sampling_probability) FILTER (selected), 0) AS total,
        coalesce(sum(contribution / sampling_probability) FILTER (NOT selected), 0) AS other_total
    FROM read_parquet(coalesce(getvariable('folder'), 'warehouse') || '/terms/*/*.parquet', hive_partitioning = true)
    WHERE purpose = 'production' AND coalesce(tag = getvariable('tag'), true)
    GROUP BY ALL
),
driving AS (
    SELECT *, coalesce(total / nullif(selected, 0), 0) - coalesce(other_total / nullif(others, 0), 0) AS drives
    FROM terms
    JOIN scored USING (tag, model, version)
)
SELECT tag, model, version, feature,
    round(drives, 4) AS drives,
    round(documents)::BIGINT AS selected,
    round(total, 3) AS sum,
    round(total / nullif(documents, 0), 4) AS mean,
    round(other_documents)::BIGINT AS others,
    round(other_total, 3) AS "sum of others",
    round(other_total / nullif(other_documents, 0), 4) AS "mean of others"
FROM driving
QUALIFY row_number() OVER (PARTITION BY tag, model, version ORDER BY abs(drives) DESC, feature)
    <= if(getvariable('tag') IS NULL, 10, 30)
ORDER BY tag, model, version, abs(driving.drives) DESC, feature;
