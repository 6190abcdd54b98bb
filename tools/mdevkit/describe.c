// SPDX-License-Identifier: GPL-2.0-only
#include "describe.h"
#include "table.h"

struct json_object *json_text(const char *text)
{
	return text ? json_object_new_string(text) : NULL;
}

struct json_object *json_number(long number)
{
	return number < 0 ? NULL : json_object_new_int64(number);
}

static struct json_object *describe_type(const struct model *m, const struct parent *p,
					 const struct type *type)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "id", json_text(type->id));
	json_object_object_add(o, "name", json_text(type->name));
	json_object_object_add(o, "description", json_text(type->description));
	json_object_object_add(o, "device_api", json_text(type->device_api));
	json_object_object_add(o, "available_instances", json_number(type->available));
	json_object_object_add(o, "mdevs", json_number(count_mdevs(m, p->name, type->id)));
	return o;
}

struct json_object *describe_parent(const struct model *m, const struct parent *p)
{
	struct json_object *o = json_object_new_object();
	struct json_object *types = json_object_new_array();
	size_t i;

	for (i = 0; i < p->nr_types; i++)
		json_object_array_add(types, describe_type(m, p, &p->types[i]));
	json_object_object_add(o, "name", json_text(p->name));
	json_object_object_add(o, "path", json_text(p->path));
	json_object_object_add(o, "driver", json_text(p->driver));
	json_object_object_add(o, "kit", json_object_new_boolean(p->kit));
	json_object_object_add(o, "placement", json_text(p->placement));
	json_object_object_add(o, "peer_dma", json_text(p->peer_dma));
	json_object_object_add(o, "pasid_blocked", json_text(p->pasid_blocked));
	json_object_object_add(o, "types", types);
	return o;
}

static struct json_object *describe_users(const struct mdev *d)
{
	struct json_object *users = json_object_new_array();
	size_t i;

	for (i = 0; i < d->nr_users; i++) {
		struct json_object *user = json_object_new_object();

		json_object_object_add(user, "pid", json_number(d->users[i].pid));
		json_object_object_add(user, "name", json_text(d->users[i].name));
		json_object_object_add(user, "opened",
				       json_text(d->users[i].device ? "device" : "group"));
		json_object_array_add(users, user);
	}
	return users;
}

struct json_object *describe_mdev(const struct model *m, const struct mdev *d)
{
	const struct aux_group *group = find_aux_group(m, d->group);
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "uuid", json_text(d->uuid));
	json_object_object_add(o, "parent", json_text(d->parent));
	json_object_object_add(o, "type", json_text(d->type));
	json_object_object_add(o, "type_name", json_text(d->type_name));
	json_object_object_add(o, "device_api", json_text(d->device_api));
	json_object_object_add(o, "iommu_group", json_number(d->group));
	json_object_object_add(o, "pasid", json_number(d->pasid));
	json_object_object_add(o, "dma", json_text(dma_name(d->dma)));
	json_object_object_add(o, "domain", json_number(group ? group->domain : -1));
	json_object_object_add(o, "users", describe_users(d));
	json_object_object_add(o, "all_users_known", json_object_new_boolean(m->all_users));
	return o;
}
