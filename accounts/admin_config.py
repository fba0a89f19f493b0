"""The admin as this product runs it, in INSTALLED_APPS in place of django.contrib.admin."""

from django.contrib.admin.apps import AdminConfig


class AuditedAdminConfig(AdminConfig):
    """Django's admin on a site that writes the audit log."""

    default_site = "accounts.admin_site.AuditedSite"
