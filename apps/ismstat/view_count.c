/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "view.h"

/* Everything in an object "errors" counts: its keys are reasons. */
static bool
is_counter(const char *key, const json_t *value, bool in_errors)
{
	return json_is_integer(value) && (in_errors || view_field_counts(key));
}

bool
view_other_run(const json_t *value, const json_t *base)
{
	const json_t *run = json_object_get(value, "run"), *was = json_object_get(base, "run");

	return json_is_integer(run) && json_is_integer(was) &&
	       json_integer_value(run) != json_integer_value(was);
}

static void
subtract(json_t *value, const json_t *base, bool in_errors)
{
	bool anew = view_other_run(value, base);
	const char *key;
	json_t *item;

	json_object_foreach(value, key, item)
	{
		const json_t *was = json_object_get(base, key);

		if (json_is_object(item) && json_is_object(was))
			subtract(item, was, strcmp(key, "errors") == 0);
		else if (!anew && is_counter(key, item, in_errors) && json_is_integer(was) &&
			 json_integer_value(item) >= json_integer_value(was))
			json_integer_set(item, json_integer_value(item) - json_integer_value(was));
	}
}

void
view_subtract(json_t *value, const json_t *base)
{
	subtract(value, base, false);
}

void
view_add_rates(json_t *value, const json_t *before, double seconds)
{
	json_t *rates = json_object(), *item;
	bool anew = view_other_run(value, before);
	const char *key;

	json_object_foreach(value, key, item)
	{
		const json_t *was = json_object_get(before, key);

		if (json_is_object(item) && json_is_object(was))
			view_add_rates(item, was, seconds);
		else if (!anew && is_counter(key, item, false) && json_is_integer(was) &&
			 seconds > 0 && json_integer_value(item) >= json_integer_value(was))
			json_object_set_new(rates, key,
					    json_real((double)(json_integer_value(item) -
							       json_integer_value(was)) /
						      seconds));
	}
	if (json_object_size(rates) > 0)
		json_object_set(value, "per_second", rates);
	json_decref(rates);
}

void
view_take_rates(json_t *value, const json_t *rated)
{
	json_t *rates = json_object_get(rated, "per_second"), *item;
	const char *key;

	json_object_foreach(value, key, item)
	{
		const json_t *other = json_object_get(rated, key);

		if (json_is_object(item) && json_is_object(other))
			view_take_rates(item, other);
	}
	if (rates != NULL)
		json_object_set(value, "per_second", rates);
}

void
view_ratio(json_t *value, const char *name, const char *top, const char *bottom)
{
	const json_t *a = json_object_get(value, top), *b = json_object_get(value, bottom);

	if (json_is_number(a) && json_is_number(b) && json_number_value(b) > 0)
		json_object_set_new(value, name,
				    json_real(json_number_value(a) / json_number_value(b)));
}

void
view_add_numbers(json_t *to, const json_t *from)
{
	const char *key;
	json_t *item;

	json_object_foreach((json_t *)(uintptr_t)from, key, item)
	{
		json_t *sum = json_object_get(to, key);

		if (!json_is_integer(item))
			continue;
		if (sum == NULL)
			json_object_set_new(to, key, json_integer(json_integer_value(item)));
		else if (json_is_integer(sum))
			json_integer_set(sum, json_integer_value(sum) + json_integer_value(item));
	}
}
