-- The snapshot's lines to the columns and the file of the table `listings`, in DuckDB alone.
-- Grain: one row per line. Regular expressions run only where a cheap test finds their marks.
-- It folds white space and sets dashes as the project does; it resolves no LaTeX, no HTML and no
-- quarantine, and a line that is not as declared ends it.
copy (
    with lines as (
        select *,
        from read_json(
            '$lines',
            format = 'newline_delimited',
            columns = {
                id: 'varchar',
                submitter: 'varchar',
                title: 'varchar',
                comments: 'varchar',
                "journal-ref": 'varchar',
                doi: 'varchar',
                "report-no": 'varchar',
                categories: 'varchar',
                license: 'varchar',
                abstract: 'varchar',
                versions: 'struct(version varchar, created varchar)[]',
                update_date: 'date',
                authors_parsed: 'varchar[][]'
            }
        )
    ),
    folded as (
        select
            * exclude (title, abstract, comments, doi, categories),
            title as raw_title,
            case
                when contains(title, E'\n') or contains(title, '  ')
                    then trim(regexp_replace(title, '\s+', ' ', 'g'))
                else trim(title)
            end as title,
            case
                when contains(trim(abstract, E' \n'), E'\n  ') or contains(abstract, E'\n\n')
                    then regexp_replace(
                        regexp_replace(trim(abstract, E' \n'), '\n(\s*\n|  )\s*', chr(29), 'g'),
                        '\s+', ' ', 'g'
                    )
                else replace(trim(abstract, E' \n'), E'\n', ' ')
            end as abstract,
            nullif(
                case
                    when contains(comments, E'\n') or contains(comments, '  ')
                        then trim(regexp_replace(comments, '\s+', ' ', 'g'))
                    else trim(comments)
                end,
                ''
            ) as comments,
            nullif(regexp_extract(lower(doi), '10\.[0-9]{4,9}/[^\s;,]+'), '') as doi,
            list_distinct(string_split(categories, ' ')) as unordered_categories,
            string_split(categories, ' ') as printed_categories,
            strptime(versions[1].created, '%a, %d %b %Y %H:%M:%S GMT') as first_at,
            strptime(versions[-1].created, '%a, %d %b %Y %H:%M:%S GMT') as last_at,
        from lines
    ),
    typeset as (
        select
            * replace (
                case when contains(title, '--')
                    then replace(replace(title, '---', '—'), '--', '–') else title end as title,
                replace(
                    case when contains(abstract, '--')
                        then replace(replace(abstract, '---', '—'), '--', '–') else abstract end,
                    chr(29),
                    E'\n\n'
                ) as abstract,
            ),
            case
                when contains(abstract, 'github.com')
                    then nullif(regexp_extract(abstract, 'github\.com/[\w.-]+/[\w-]+'), '')
            end as abstract_code,
            case
                when contains(comments, 'github.com')
                    then nullif(regexp_extract(comments, 'github\.com/[\w.-]+/[\w-]+'), '')
            end as comments_code,
        from folded
    ),
    listings as (
        select
            title,
            nullif(
                case
                    when len(title) = strlen(title)
                        then regexp_replace(lower(title), '[^a-z0-9]+', '', 'g')
                    else regexp_replace(lower(strip_accents(title)), '[^\pL\pN]+', '', 'g')
                end,
                ''
            ) as title_key,
            nullif(abstract, '') as abstract,
            list_transform(
                authors_parsed,
                lambda a: {
                    name: concat_ws(' ', nullif(a[2], ''), nullif(a[1], ''), nullif(a[3], '')),
                    given: nullif(a[2], ''),
                    family: concat_ws(' ', nullif(a[1], ''), nullif(a[3], '')),
                    orcid: null::varchar,
                    affiliation: nullif(a[4], '')
                }
            ) as authors,
            first_at::date as publication_date,
            first_at::date as submitted_date,
            case when len(versions) > 1 then last_at::timestamptz end as updated_at,
            'preprint' as type,
            null::varchar as venue,
            doi,
            id as arxiv_id,
            versions[-1].version[2:]::bigint as arxiv_version,
            case
                when doi is null then [{scheme: 'arxiv', value: id}]
                else [{scheme: 'arxiv', value: id}, {scheme: 'doi', value: doi}]
            end as identifiers,
            printed_categories[1] as primary_category,
            case
                when len(unordered_categories) = len(printed_categories) then printed_categories
                else list_filter(
                    printed_categories,
                    lambda category, place: list_position(printed_categories, category) = place
                )
            end as categories,
            []::varchar[] as keywords,
            null::varchar as language,
            case
                when license like '%creativecommons.org/licenses/%'
                    then 'CC-' || upper(regexp_extract(license, 'licenses/([a-z-]+)/', 1))
                        || '-' || regexp_extract(license, '/([0-9.]+)/?$$', 1)
                when license like '%creativecommons.org/publicdomain/zero%' then 'CC0-1.0'
                else replace(license, 'http://', 'https://')
            end as license,
            comments,
            nullif(trim("journal-ref"), '') as journal_ref,
            nullif(trim("report-no"), '') as report_no,
            null::boolean as is_open_access,
            null::boolean as is_retracted,
            coalesce(
                contains(comments, 'ithdr')
                and regexp_matches(lower(comments), '(has been|is|was) withdrawn|^withdrawn'),
                false
            )
            or regexp_matches(abstract[1:60], '^(?i)this \w+ (has been|is|was) withdrawn')
                as is_withdrawn,
            null::varchar as primary_topic,
            null::varchar as tldr,
            null::varchar as tldr_source,
            null::varchar as organization,
            submitter as submitted_by,
            'https://arxiv.org/abs/' || id as landing_page_url,
            'https://arxiv.org/pdf/' || id as pdf_url,
            'https://' || coalesce(abstract_code, comments_code) as code_url,
            case
                when abstract_code is not null then 'abstract'
                when comments_code is not null then 'comments'
            end as code_source,
            null::varchar as project_url,
            null::varchar as thumbnail_url,
            'arxiv:' || id as listing_id,
            'arxiv' as source,
            id as source_id,
            raw_title,
            'arxiv-snapshot' as record_format,
            update_date::timestamptz as source_modified_at,
            now() as fetched_at,
            null::varchar as response_sha256,
            1::bigint as parser_version,
            []::struct(type varchar, scheme varchar, value varchar)[] as relations,
            now() as first_seen_at,
            current_date as first_seen_date,
            'import' as first_seen_kind,
            now() as last_changed_at,
        from typeset
    )
    select *, $row_hash as row_hash, 1::bigint as changed_in_snapshot,
    from listings
    order by publication_date, listing_id
) to '$target' (format parquet, compression zstd, row_group_size 100000);
