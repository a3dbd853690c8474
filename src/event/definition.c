/* See definition.h. */

#include "event/definition.h"

#include <string.h>

/* A user's own units, wherever the home is. */
#define OF_USER SPAN("/.config/systemd/user/")

static const struct {
	const char *path;
	enum definition definition;	/* NONE: a folder of systemd, where the name says what it is */
} places[] = {
#define SYSTEMD(folder) { folder, DEFINITION_NONE },
#define PLACE(definition, path) { path, DEFINITION_##definition },
#include "event/definitions.def"
};

/* Of the kinds of units (systemd.unit(5)) those that start something. */
static const struct {
	struct span suffix;
	enum definition definition;
} units[] = {
	{ { ".service", 8 }, DEFINITION_SERVICE }, { { ".timer", 6 }, DEFINITION_TASK },   { { ".socket", 7 }, DEFINITION_SERVICE },
	{ { ".path", 5 }, DEFINITION_SERVICE },	   { { ".target", 7 }, DEFINITION_SERVICE },
};

static bool ends(struct span text, struct span end)
{
	return text.size >= end.size && memcmp(text.data + text.size - end.size, end.data, end.size) == 0;
}

/* What an editor, dpkg or crontab(1) writes before it takes its name, and what they leave behind. */
static bool is_passing(struct span name)
{
	static const struct span beginnings[] = { { ".", 1 }, { "#", 1 }, { "tmp.", 4 } };
	static const struct span endings[] = { { "~", 1 }, { ".swp", 4 }, { ".dpkg-new", 9 }, { ".dpkg-tmp", 9 }, { ".rpmnew", 7 } };
	bool is = name.size == 0;

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		is |= span_starts(name, beginnings[i]);
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		is |= ends(name, endings[i]);
	return is;
}

static enum definition unit_of(struct span name, struct span *ret)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!ends(name, units[i].suffix) || name.size == units[i].suffix.size)
			continue;
		*ret = name;
		return units[i].definition;
	}
	return DEFINITION_NONE;
}

/* below: of a folder of systemd.  `a.service`, `a.service.d/x.conf`, `b.target.wants/a.service`. */
static enum definition of_systemd(struct span below, struct span *ret)
{
	const char *slash = memchr(below.data, '/', below.size);
	struct span folder = { below.data, slash ? (size_t)(slash - below.data) : 0 };
	struct span name = { below.data + (slash ? folder.size + 1 : 0), below.size - (slash ? folder.size + 1 : 0) };

	if (memchr(name.data, '/', name.size) || is_passing(name))
		return DEFINITION_NONE;
	if (!slash || ends(folder, SPAN(".wants")) || ends(folder, SPAN(".requires")))
		return unit_of(name, ret);
	if (!ends(folder, SPAN(".d")) || !ends(name, SPAN(".conf")))
		return DEFINITION_NONE;
	return unit_of((struct span){ folder.data, folder.size - 2 }, ret);
}

/* Most paths are of no such place, and this is asked for each. */
static bool may_be_of_system(struct span path)
{
	return path.size > 4 && path.data[0] == '/' && strchr("erulv", path.data[1]) && path.data[1];
}

static bool may_be_of_user(struct span path)
{
	return path.size > OF_USER.size && strchr("ehrtf", path.data[path.size - 1]) && path.data[path.size - 1];
}

enum definition definition_of(struct span path, struct span *ret)
{
	const char *of_user;

	for (size_t i = 0; may_be_of_system(path) && i < sizeof(places) / sizeof(places[0]); i++) {
		struct span place = { places[i].path, strlen(places[i].path) }, below;
		bool is_folder = place.data[place.size - 1] == '/';

		if (!span_starts(path, place))
			continue;
		below = (struct span){ path.data + place.size, path.size - place.size };
		if (places[i].definition == DEFINITION_NONE)
			return of_systemd(below, ret);
		if (is_folder ? is_passing(below) || memchr(below.data, '/', below.size) : below.size > 0)
			continue;
		for (*ret = path; (of_user = memchr(ret->data, '/', ret->size));)
			*ret = (struct span){ of_user + 1, ret->size - (size_t)(of_user + 1 - ret->data) };
		return places[i].definition;
	}
	of_user = may_be_of_user(path) ? memmem(path.data, path.size, OF_USER.data, OF_USER.size) : NULL;
	if (!of_user)
		return DEFINITION_NONE;
	of_user += OF_USER.size;
	return of_systemd((struct span){ of_user, path.size - (size_t)(of_user - path.data) }, ret);
}

bool definition_is_part(struct span path)
{
	static const struct span of_parts[] = { { ".d/", 3 }, { ".wants/", 7 }, { ".requires/", 10 } };
	const char *slash = path.size > 0 ? memrchr(path.data, '/', path.size) : NULL;
	struct span folder = { path.data, slash ? (size_t)(slash + 1 - path.data) : 0 };

	for (size_t i = 0; slash && i < sizeof(of_parts) / sizeof(of_parts[0]); i++)
		if (ends(folder, of_parts[i]) && memmem(folder.data, folder.size, "/systemd/", strlen("/systemd/")))
			return true;
	return false;
}

int definition_folders(int (*fn)(void *user, const char *folder, bool is_deep), void *user)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i].path[strlen(places[i].path) - 1] == '/')
			r = fn(user, places[i].path, places[i].definition == DEFINITION_NONE);
	return r;
}
