/* SPDX-License-Identifier: BSD-2-Clause */
#include "class.h"

#include <string.h>

static const char *const names[] = {"credentials", "tokens", "mail", "browser", "databases", "backups", "logs",
	"devices", "source", "documents", "libraries", "homes", "configuration", "temporary", "other"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum place {
	BELOW,	/* the path begins with it */
	INSIDE, /* it is in the path */
	NAME,	/* the last part is it */
	BEGIN,	/* the last part begins with it */
	END,	/* the path ends with it */
	WHOLE,
};

struct rule {
	const char *class;
	const char *text;
	unsigned char len;
	unsigned char place;
};

#define RULE(class, place, text)                                                                                       \
	{                                                                                                              \
		class, text, sizeof(text) - 1, place                                                                   \
	}

/* What is narrower comes first: a key is a credential wherever it lies, a home directory is one after all that has its
 * own class. */
static const struct rule rules[] = {
	RULE("credentials", BEGIN, "id_rsa"),
	RULE("credentials", BEGIN, "id_ed25519"),
	RULE("credentials", BEGIN, "id_ecdsa"),
	RULE("credentials", BEGIN, "id_dsa"),
	RULE("credentials", BELOW, "/etc/shadow"),
	RULE("credentials", BELOW, "/etc/gshadow"),
	RULE("credentials", WHOLE, "/etc/security/opasswd"),
	RULE("credentials", BELOW, "/etc/sudoers"),
	RULE("credentials", BELOW, "/etc/ssh/ssh_host_"),
	RULE("credentials", BELOW, "/etc/ssl/private/"),
	RULE("credentials", BELOW, "/etc/pki/tls/private/"),
	RULE("credentials", BELOW, "/etc/letsencrypt/archive/"),
	RULE("credentials", BELOW, "/etc/krb5.keytab"),
	RULE("credentials", INSIDE, "/.gnupg/"),
	RULE("credentials", INSIDE, "/.ssh/"),
	RULE("credentials", INSIDE, "/.password-store/"),
	RULE("credentials", INSIDE, "/.local/share/keyrings/"),
	RULE("credentials", INSIDE, "/.pki/"),
	RULE("credentials", NAME, ".netrc"),
	RULE("credentials", NAME, ".pgpass"),
	RULE("credentials", NAME, ".my.cnf"),
	RULE("credentials", NAME, ".htpasswd"),
	RULE("credentials", END, ".kdbx"),
	RULE("credentials", END, ".keytab"),
	RULE("credentials", END, ".p12"),
	RULE("credentials", END, ".pfx"),
	RULE("credentials", END, ".jks"),
	RULE("credentials", END, ".key"),
	RULE("credentials", END, ".gpg"),
	RULE("tokens", INSIDE, "/.aws/"),
	RULE("tokens", INSIDE, "/.azure/"),
	RULE("tokens", INSIDE, "/.config/gcloud/"),
	RULE("tokens", INSIDE, "/.kube/"),
	RULE("tokens", INSIDE, "/.docker/config.json"),
	RULE("tokens", INSIDE, "/run/secrets/"),
	RULE("tokens", BELOW, "/etc/kubernetes/"),
	RULE("tokens", NAME, ".git-credentials"),
	RULE("tokens", NAME, ".npmrc"),
	RULE("tokens", NAME, ".pypirc"),
	RULE("tokens", NAME, ".env"),
	RULE("mail", BELOW, "/var/mail/"),
	RULE("mail", BELOW, "/var/spool/mail/"),
	RULE("mail", BELOW, "/var/vmail/"),
	RULE("mail", INSIDE, "/Maildir/"),
	RULE("mail", INSIDE, "/.thunderbird/"),
	RULE("mail", INSIDE, "/.local/share/evolution/mail/"),
	RULE("mail", END, ".mbox"),
	RULE("mail", END, ".eml"),
	RULE("mail", END, ".pst"),
	RULE("browser", INSIDE, "/.mozilla/"),
	RULE("browser", INSIDE, "/.config/google-chrome/"),
	RULE("browser", INSIDE, "/.config/chromium/"),
	RULE("browser", INSIDE, "/.config/BraveSoftware/"),
	RULE("browser", INSIDE, "/.config/microsoft-edge/"),
	RULE("databases", BELOW, "/var/lib/mysql/"),
	RULE("databases", BELOW, "/var/lib/postgresql/"),
	RULE("databases", BELOW, "/var/lib/mongodb/"),
	RULE("databases", BELOW, "/var/lib/redis/"),
	RULE("databases", END, ".sqlite"),
	RULE("databases", END, ".sqlite3"),
	RULE("databases", END, ".db"),
	RULE("databases", END, ".mdb"),
	RULE("backups", BELOW, "/var/backups/"),
	RULE("backups", END, ".bak"),
	RULE("backups", END, ".dump"),
	RULE("backups", END, ".sql.gz"),
	RULE("logs", BELOW, "/var/log/"),
	RULE("logs", NAME, ".bash_history"),
	RULE("logs", NAME, ".zsh_history"),
	RULE("devices", BELOW, "/dev/mem"),
	RULE("devices", BELOW, "/dev/kmem"),
	RULE("devices", BELOW, "/dev/sd"),
	RULE("devices", BELOW, "/dev/vd"),
	RULE("devices", BELOW, "/dev/nvme"),
	RULE("devices", BELOW, "/dev/mapper/"),
	RULE("devices", BELOW, "/dev/dm-"),
	RULE("devices", BELOW, "/dev/input/"),
	RULE("devices", WHOLE, "/proc/kcore"),
	RULE("devices", WHOLE, "/proc/kallsyms"),
	RULE("devices", BELOW, "/boot/"),
	RULE("source", INSIDE, "/.git/"),
	RULE("source", INSIDE, "/.svn/"),
	RULE("source", END, ".c"),
	RULE("source", END, ".h"),
	RULE("source", END, ".cpp"),
	RULE("source", END, ".go"),
	RULE("source", END, ".rs"),
	RULE("source", END, ".java"),
	RULE("source", END, ".ts"),
	RULE("documents", END, ".doc"),
	RULE("documents", END, ".docx"),
	RULE("documents", END, ".xls"),
	RULE("documents", END, ".xlsx"),
	RULE("documents", END, ".ppt"),
	RULE("documents", END, ".pptx"),
	RULE("documents", END, ".odt"),
	RULE("documents", END, ".ods"),
	RULE("documents", END, ".odp"),
	RULE("documents", END, ".pdf"),
	RULE("documents", END, ".rtf"),
	RULE("documents", INSIDE, "/Documents/"),
	RULE("libraries", BELOW, "/usr/lib/"),
	RULE("libraries", BELOW, "/usr/lib32/"),
	RULE("libraries", BELOW, "/usr/lib64/"),
	RULE("libraries", BELOW, "/lib/"),
	RULE("libraries", BELOW, "/lib64/"),
	RULE("libraries", BELOW, "/usr/local/lib/"),
	RULE("libraries", BELOW, "/etc/ld.so."),
	RULE("homes", BELOW, "/home/"),
	RULE("homes", BELOW, "/root/"),
	RULE("configuration", BELOW, "/etc/"),
	RULE("temporary", BELOW, "/tmp/"),
	RULE("temporary", BELOW, "/var/tmp/"),
	RULE("temporary", BELOW, "/dev/shm/"),
};

static bool fits(const struct rule *rule, const char *path, size_t len, const char *last, size_t last_len)
{
	switch (rule->place) {
	case BELOW:
		return len >= rule->len && !memcmp(path, rule->text, rule->len);
	case INSIDE:
		return len >= rule->len && memmem(path, len, rule->text, rule->len);
	case NAME:
		return last_len == rule->len && !memcmp(last, rule->text, rule->len);
	case BEGIN:
		return last_len >= rule->len && !memcmp(last, rule->text, rule->len);
	case END:
		return last_len > rule->len && !memcmp(path + len - rule->len, rule->text, rule->len);
	default:
		return len == rule->len && !memcmp(path, rule->text, len);
	}
}

const char *class_of(const char *path, size_t len)
{
	const char *slash = len ? memrchr(path, '/', len) : NULL, *last = slash ? slash + 1 : path;
	size_t i;

	for (i = 0; slash && i < COUNT(rules); i++)
		if (fits(&rules[i], path, len, last, path + len - last))
			return rules[i].class;
	return "other";
}

const char *class_name(size_t index)
{
	return index < COUNT(names) ? names[index] : NULL;
}

bool class_known(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}
