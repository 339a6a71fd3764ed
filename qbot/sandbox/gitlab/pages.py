"""GitLab's pages that Qbot's messages link to: to look at, without signing in."""

from collections.abc import Callable
from itertools import islice

from aiohttp import web

from qbot.sandbox import html
from qbot.sandbox.gitlab import history
from qbot.sandbox.gitlab.api import MOUNT
from qbot.sandbox.gitlab.merge_rules import pipelines_of
from qbot.sandbox.gitlab.merging import MergeMachine
from qbot.sandbox.gitlab.model import Project
from qbot.sandbox.gitlab.page_parts import changes, commit_link, commits, pipelines
from qbot.sandbox.gitlab.shapes import project_url
from qbot.sandbox.gitlab.world import World
from qbot.sandbox.html import Markup, badge, code, element, facts, link, when
from qbot.sandbox.http import Handler

_NAME = "GitLab"
_PROJECT = f"{MOUNT}/{{project:(?!api/|oauth/).+?}}"
_MOST = 30  # commits of a branch
_SHORT = 12  # digits of a commit in a heading
Look = Callable[[Project, web.Request], web.Response]


class Pages:
    """The handlers; `machine` knows how merge requests stand."""

    def __init__(self, world: World, machine: MergeMachine) -> None:
        self._world = world
        self._machine = machine

    def routes(self) -> list[web.RouteDef]:
        """To be served beside the API, unrecorded: no program asks for them."""
        looks: dict[str, Look] = {
            r"/-/pipelines/{id:\d+}": self.pipeline,
            r"/-/jobs/{id:\d+}": self.job,
            r"/-/merge_requests/{id:\d+}{tab:(/diffs|/commits)?}": self.merge_request,
            "/-/compare/{refs:.+}": self.compare,
            "/-/commit/{sha:[0-9a-f]+}": self.commit,
            "/-/{view:tree|commits}/{ref:.+}": self.branch,
        }
        return [web.get(f"{_PROJECT}{path}", self._inside(look)) for path, look in looks.items()]

    def _inside(self, look: Look) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            project = self._world.project(request.match_info["project"])
            if project is None:
                return html.missing(_NAME, f"project {request.match_info['project']}")
            return look(project, request)

        return answer

    def pipeline(self, project: Project, request: web.Request) -> web.Response:
        """A pipeline and its jobs."""
        wanted = request.match_info["id"]
        found = next((p for p in project.pipelines if str(p.id) == wanted), None)
        if found is None:
            return html.missing(_NAME, f"pipeline {wanted}")
        root = f"{project_url(self._world, project)}/-/jobs"
        rows = [
            (j.stage, link(j.name, f"{root}/{j.id}"), badge(j.status), when(j.finished_at))
            for j in found.jobs
        ]
        about = facts(
            [
                ("Status", badge(found.status)),
                ("Branch or tag", code(found.ref)),
                ("Commit", commit_link(self._world, project, found.sha)),
                ("Started by", f"{found.user.name} ({found.source})"),
                ("Created", when(found.created_at)),
                ("Finished", when(found.finished_at)),
            ]
        )
        jobs = html.table(("Stage", "Job", "Status", "Finished"), rows, none="No jobs.")
        return self._page(project, f"Pipeline #{found.id}", about, jobs)

    def job(self, project: Project, request: web.Request) -> web.Response:
        """A job and what it runs."""
        wanted = request.match_info["id"]
        pairs = ((p, j) for p in project.pipelines for j in p.jobs if str(j.id) == wanted)
        pipeline, found = next(pairs, (None, None))
        if pipeline is None or found is None:
            return html.missing(_NAME, f"job {wanted}")
        root = f"{project_url(self._world, project)}/-/pipelines"
        about = facts(
            [
                ("Status", badge(found.status)),
                ("Stage", found.stage),
                ("Pipeline", link(f"#{pipeline.id}", f"{root}/{pipeline.id}")),
                ("Commit", commit_link(self._world, project, pipeline.sha)),
                ("Started", when(found.started_at)),
                ("Finished", when(found.finished_at)),
            ]
        )
        script = element("pre", "\n".join(found.script) or "No script.", tabindex="0")
        return self._page(project, f"Job {found.name}", about, script)

    def merge_request(self, project: Project, request: web.Request) -> web.Response:
        """A merge request with everything on one page."""
        wanted = request.match_info["id"]
        found = next((m for m in project.merge_requests if str(m.iid) == wanted), None)
        if found is None:
            return html.missing(_NAME, f"merge request !{wanted}")
        repository = project.repository
        about = facts(
            [
                ("State", badge(found.state)),
                ("Merge", self._machine.status(project, found) if found.state == "opened" else ""),
                ("From", code(found.source_branch)),
                ("Into", code(found.target_branch)),
                ("Author", found.author.name),
                ("Created", when(found.created_at)),
                ("Merged", when(found.merged_at)),
            ]
        )
        notes = [element("p", element("strong", f"{n.author.name}: "), n.body) for n in found.notes]
        ahead = history.log(repository, [found.sha], without=found.base_sha or None)
        return self._page(
            project,
            f"{found.title} (!{found.iid})",
            about,
            element("pre", found.description, class_="prose") if found.description else "",
            *_part("Pipelines", pipelines(self._world, project, pipelines_of(project, found))),
            *_part("Commits", commits(self._world, project, ahead)),
            *_part("Changes", changes(history.diff(repository, found.base_sha, found.sha))),
            *(_part("Comments", *notes) if notes else ()),
        )

    def compare(self, project: Project, request: web.Request) -> web.Response:
        """What the second of two revisions has and the first lacks."""
        refs = request.match_info["refs"]
        dots = "..." if "..." in refs else ".."
        old, _, new = refs.partition(dots)
        repository = project.repository
        before, after = repository.resolve(old), repository.resolve(new)
        if before is None or after is None:
            return html.missing(_NAME, f"revision {old if before is None else new}")
        base = before if dots == ".." else history.merge_base(repository, before, after)
        ahead = history.log(repository, [after], without=before, topological=True)
        return self._page(
            project,
            f"{_short(old)} … {_short(new)}",
            *_part("Commits", commits(self._world, project, ahead)),
            *_part("Changes", changes(history.diff(repository, base, after))),
        )

    def commit(self, project: Project, request: web.Request) -> web.Response:
        """A commit and what it changes against its first parent."""
        repository = project.repository
        sha = repository.resolve(request.match_info["sha"])
        if sha is None:
            return html.missing(_NAME, f"commit {request.match_info['sha']}")
        found = repository.commit(sha)
        about = facts(
            [
                ("Commit", code(sha)),
                ("Author", found.author.name),
                ("When", when(found.committed_at)),
            ]
        )
        ran = [p for p in project.pipelines if p.sha == sha]
        return self._page(
            project,
            found.title,
            about,
            element("pre", found.message, class_="prose"),
            *_part("Pipelines", pipelines(self._world, project, ran)),
            *_part(
                "Changes", changes(history.diff(repository, next(iter(found.parents), None), sha))
            ),
        )

    def branch(self, project: Project, request: web.Request) -> web.Response:
        """The newest commits of a branch."""
        ref = request.match_info["ref"]
        sha = project.repository.resolve(ref)
        if sha is None:
            return html.missing(_NAME, f"branch {ref}")
        newest = islice(history.log(project.repository, [sha]), _MOST)
        return self._page(project, ref, commits(self._world, project, newest))

    def _page(self, project: Project, title: str, *content: str) -> web.Response:
        where = element("p", project.path, class_="quiet")
        return html.page(_NAME, title, where, *(c for c in content if c))


def _part(title: str, *content: str) -> list[Markup]:
    return [element("h2", title), *(Markup(c) for c in content)]


def _short(revision: str) -> str:
    whole = len(revision) == 40 and set(revision) <= set("0123456789abcdef")
    return revision[:_SHORT] if whole else revision
